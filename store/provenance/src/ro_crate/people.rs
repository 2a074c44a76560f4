//! Authors and the institutions they work at.

use super::entity::{Entity, Graph};
use crate::account::{Author, Name, Organization};
use crate::{orcid, uri};

/// The identifier of the author at a place of the list.
pub(crate) fn author_id(place: usize, author: &Author) -> String {
    let orcid = author.orcid.as_deref().and_then(orcid::url);
    orcid.unwrap_or_else(|| format!("#author-{}", place + 1))
}

pub(crate) fn organization_id(organization: &Organization) -> String {
    let url = organization.url.as_deref().filter(|url| uri::is_web(url));
    url.map_or_else(|| format!("#organization-{}", uri::name(&organization.name)), str::to_owned)
}

/// Adds an author and the author's institution.
///
/// A name that nobody took apart may be a group's. RO-Crate knows persons and organisations only,
/// and it is called a person.
pub(crate) fn describe(graph: &mut Graph, place: usize, author: &Author) {
    let mut entity = Entity::new(&author_id(place, author), &["Person"])
        .set("name", author.name.full())
        .set_some("email", author.email.as_deref());
    if let Name::Parts { given, family } = &author.name {
        entity = entity.set("givenName", given.as_str()).set("familyName", family.as_str());
    }
    if let Some(organization) = &author.affiliation {
        entity = entity.link("affiliation", &organization_id(organization));
        graph.add(entity);
        describe_organization(graph, organization);
    } else {
        graph.add(entity);
    }
}

pub(crate) fn describe_organization(graph: &mut Graph, organization: &Organization) {
    let url = organization.url.as_deref().filter(|url| uri::is_web(url));
    graph.add(
        Entity::new(&organization_id(organization), &["Organization"])
            .set("name", organization.name.as_str())
            .set_some("url", url),
    );
}
