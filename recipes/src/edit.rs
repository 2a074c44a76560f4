//! Changes to the text of a recipe that leave the rest of it as it was written.

use toml_edit::{DocumentMut, Item, TableLike, value};

/// The recipe with this DOI in `[project]`, in place of the one that it had.
///
/// # Errors
/// As a fragment, why the text cannot be changed.
pub fn with_doi(text: &str, doi: &str) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|error| format!("{error}"))?;
    let project = document.get_mut("project").and_then(Item::as_table_like_mut);
    put(project.ok_or("it has no [project]")?, "doi", doi);
    Ok(document.to_string())
}

/// Sets a key; what stands around a value that was there stays.
fn put(table: &mut dyn TableLike, key: &str, text: &str) {
    let mut new = value(text);
    let old = table.get(key).and_then(Item::as_value).map(|old| old.decor().clone());
    if let (Some(new), Some(old)) = (new.as_value_mut(), old) {
        *new.decor_mut() = old;
    }
    table.insert(key, new);
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECIPE: &str = "# Ours.\n[project]\nname = 'a' # short\n\n[paper.main]\ntext = 'a.typ'\n";

    #[test]
    fn a_doi_is_added_and_all_else_stays() {
        let expected = RECIPE.replace("# short\n", "# short\ndoi = \"10.5281/zenodo.1\"\n");
        assert_eq!(with_doi(RECIPE, "10.5281/zenodo.1"), Ok(expected));
    }

    #[test]
    fn a_doi_takes_the_place_of_another() {
        let text = "project = { name = 'a', doi = '10.1000/x' } # one\n";
        let expected = "project = { name = 'a', doi = \"10.5281/zenodo.1\" } # one\n";
        assert_eq!(with_doi(text, "10.5281/zenodo.1"), Ok(expected.to_owned()));
    }

    #[test]
    fn what_is_no_recipe_is_left_alone() {
        with_doi("project = [", "10.5281/zenodo.1").unwrap_err();
        assert_eq!(with_doi("", "10.5281/zenodo.1"), Err("it has no [project]".to_owned()));
    }
}
