//! The table of error codes, each with the long text that `rescience explain` prints.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// A kind of mistake or failure, with a stable number.
        ///
        /// `RS00..` are found in the recipe's text alone; `RS01..` need the project's files, a
        /// run or the store; `RS0201` to `RS0230` are what a paper's pages show and no artifact
        /// backs. A number is never given a second meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Code {
            /// Every code, by number.
            pub const ALL: &'static [Code] = &[$(Code::$name,)+];

            /// The code as it is printed: `RS0007`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Code::$name => $text,)+
                }
            }

            /// The long explanation, in Markdown: what is wrong, an example, and its correction.
            pub fn explain(self) -> &'static str {
                match self {
                    $(Code::$name => include_str!(concat!("explain/", $text, ".md")),)+
                }
            }
        }
    };
}

codes! {
    /// The text is not TOML.
    Syntax = "RS0001",
    /// A key or table is defined twice.
    DuplicateKey = "RS0002",
    /// A key that means nothing where it stands.
    UnknownKey = "RS0003",
    /// A value of the wrong type.
    WrongType = "RS0004",
    /// A required key is absent.
    MissingKey = "RS0005",
    /// The recipe holds nothing.
    EmptyRecipe = "RS0006",
    /// A reference to a node that does not exist.
    DanglingName = "RS0007",
    /// A reference to a node of a kind that cannot stand there.
    WrongKind = "RS0008",
    /// A name that cannot be one.
    BadName = "RS0009",
    /// Two names that differ only in case.
    CaseClash = "RS0010",
    /// Nodes that need each other in a circle.
    Cycle = "RS0011",
    /// A unit that the grammar of units does not know.
    BadUnit = "RS0012",
    /// Text that is no duration.
    BadDuration = "RS0013",
    /// Text that is no size in bytes.
    BadSize = "RS0014",
    /// Text that does not name a place in a JSON file.
    BadPointer = "RS0015",
    /// A command without a program.
    BadCommand = "RS0016",
    /// A count that is zero or too large.
    BadCount = "RS0017",
    /// A matrix axis without values, or with one twice.
    BadAxis = "RS0018",
    /// A name that is both a param and a matrix axis.
    ParamOverlap = "RS0019",
    /// A placeholder that nothing fills.
    UnknownPlaceholder = "RS0020",
    /// The file is not UTF-8.
    NotUtf8 = "RS0021",
    /// The file is too large to be a recipe.
    TooLarge = "RS0022",
    /// Values are nested too deeply.
    TooDeep = "RS0023",
    /// A path that leaves the project or cannot be one.
    BadPath = "RS0024",
    /// A number out of range or not finite.
    BadNumber = "RS0025",
    /// Something recognised that this version cannot do yet.
    NotSupported = "RS0026",
    /// A profile that the recipe does not define.
    UnknownProfile = "RS0027",
    /// A word that is not among the choices.
    BadChoice = "RS0028",
    /// An environment variable that cannot be set.
    BadEnv = "RS0029",
    /// A matrix that unfolds into too many runs.
    TooManyRuns = "RS0030",
    /// One source built in two ways.
    TwoBuilds = "RS0031",
    /// A metric that an experiment does not declare.
    UnknownMetric = "RS0032",
    /// A term or a word of the lexicon that cannot be one.
    BadWord = "RS0033",
    /// No recipe where one was looked for.
    NoRecipe = "RS0101",
    /// A file that the recipe names does not exist.
    MissingFile = "RS0102",
    /// A file that the recipe names cannot be read.
    UnreadableFile = "RS0103",
    /// A patch that does not apply to its base.
    BadPatch = "RS0104",
    /// A program that does not build.
    BuildFailed = "RS0105",
    /// A run that exited with an error or a signal.
    RunFailed = "RS0106",
    /// A run that hit its wall limit.
    RunTimedOut = "RS0107",
    /// A run that did not write a metric it declares.
    MetricMissing = "RS0108",
    /// A target that names nothing in the recipe.
    UnknownTarget = "RS0109",
    /// A figure that cannot be drawn.
    FigureError = "RS0110",
    /// A paper that cannot be typeset.
    PaperError = "RS0111",
    /// An object in the store whose bytes are not what its name says.
    DamagedObject = "RS0112",
    /// A change that a locked build refuses.
    Locked = "RS0113",
    /// The store could not read or write.
    StoreFailed = "RS0114",
    /// A mistake of rescience itself.
    Internal = "RS0115",
    /// A lock file that cannot be read.
    BadLock = "RS0116",
    /// An entry of a bibliography that cannot be confirmed.
    BadCitation = "RS0117",
    /// A citation that no bibliography holds.
    UnknownCitation = "RS0118",
    /// A claim that no paper made.
    UnknownClaim = "RS0119",
    /// A machine that cannot shut programs in as well as asked.
    NoSandbox = "RS0130",
    /// A run that needs what this machine does not have.
    MissingHardware = "RS0131",
    /// A file that is no bundle, or one that must not be unpacked.
    BadBundle = "RS0140",
    /// A bundle or a store that does not hold what it says.
    NotAsRecorded = "RS0141",
    /// Something in a bundle that looks like a secret.
    SecretFound = "RS0142",
    /// An experiment that did not come out as it was recorded.
    NotReproduced = "RS0143",
    /// Something is not made yet, and may not be made.
    NotCached = "RS0144",
    /// A number in the text that comes from no artifact.
    LiteralNumber = "RS0201",
    /// A number in words that comes from no artifact.
    NumberWord = "RS0202",
    /// A number that code in the text made.
    ComputedNumber = "RS0204",
    /// A machine, software or version that nothing measured.
    UnmeasuredName = "RS0205",
    /// A comparison that nothing tests.
    UntestedComparison = "RS0206",
    /// A citation that nobody confirmed.
    UnconfirmedCitation = "RS0207",
    /// An entry of the bibliography that no text cites.
    UnusedEntry = "RS0208",
    /// An entry of the bibliography without a DOI or an arXiv id.
    NoIdentifier = "RS0209",
    /// A construct that strict texts do not use.
    NotStrict = "RS0210",
    /// A name of the package that the text binds anew.
    ReservedName = "RS0211",
    /// Numbering that counts nothing.
    FalseNumbering = "RS0212",
    /// A picture, a drawing or a function that no artifact is behind.
    ClosedFunction = "RS0213",
    /// A number changed by what stands beside it.
    BentNumber = "RS0214",
    /// A title or label of the recipe that states something.
    RecipeStates = "RS0215",
    /// A claim that the data refute.
    RefutedClaim = "RS0216",
    /// A path in the text that no artifact has.
    UnknownPath = "RS0217",
    /// A unit, statistic or form that does not fit a number.
    UnfitForm = "RS0218",
    /// Things that cannot be compared.
    Incomparable = "RS0219",
    /// A call of the package that does not hold.
    BadCall = "RS0220",
    /// A number said of something else than what it is of.
    WrongSentence = "RS0221",
}

impl Code {
    /// Reads a code as people write it: `RS0007`, `rs0007`, `rs7` or `7`.
    pub fn parse(text: &str) -> Option<Code> {
        let text = text.trim();
        let digits = match text.get(..2) {
            Some(prefix) if prefix.eq_ignore_ascii_case("rs") => &text[2..],
            _ => text,
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number: u32 = digits.parse().ok()?;
        let full = format!("RS{number:04}");
        Code::ALL.iter().copied().find(|code| code.as_str() == full)
    }

    /// The first line of the explanation without its `#` and number: a title of a few words.
    pub fn title(self) -> &'static str {
        let line = self.explain().lines().next().unwrap_or_default();
        line.split_once(": ").map_or(line, |(_, title)| title)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Text that is no error code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an error code; codes look like RS0007")]
pub struct ParseCodeError(String);

impl FromStr for Code {
    type Err = ParseCodeError;

    fn from_str(text: &str) -> Result<Code, ParseCodeError> {
        Code::parse(text).ok_or_else(|| ParseCodeError(text.to_owned()))
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
