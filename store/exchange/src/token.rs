//! What gives access, kept out of everything that is printed.

use std::fmt;

/// A token or a password.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A token as the caller got it, without the blanks and the newline of the file it was in.
    pub fn new(text: &str) -> Token {
        Token(text.trim().to_owned())
    }

    /// The token itself: to be sent, not to be shown.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What a server said, without the token in case it repeated it.
    pub(crate) fn redact(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(&self.0, "***") }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// How a request says who sends it.
#[derive(Debug, Clone, Default)]
pub enum Credentials {
    /// Not at all.
    #[default]
    None,
    /// With a token.
    Bearer(Token),
    /// With a name and a password, or a token in its place.
    Login {
        /// The name.
        user: String,
        /// The password.
        password: Token,
    },
}

impl Credentials {
    pub(crate) fn redact(&self, text: &str) -> String {
        match self {
            Credentials::None => text.to_owned(),
            Credentials::Bearer(token) | Credentials::Login { password: token, .. } => {
                token.redact(text)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_prints_a_token() {
        let password = Token::new(" hunter2\n");
        let login = Credentials::Login { user: "me".to_owned(), password };
        assert!(!format!("{login:?}").contains("hunter2"));
        assert_eq!(login.redact("no hunter2 here"), "no *** here");
        assert_eq!(Credentials::Bearer(Token::new("")).redact("as it was"), "as it was");
    }
}
