//! What typst's own export leaves out of a page for browsers: spaces, places and shapes.

use typst::comemo::Track as _;
use typst::foundations::{
    Content, Context, NativeElement as _, NativeRuleMap, ShowFn, Target, dict,
};
use typst::layout::{
    Abs, AlignElem, BlockElem, ColumnsElem, GridChild, GridElem, GridItem, HideElem, LayoutElem,
    MoveElem, PadElem, PlaceElem, RepeatElem, RotateElem, ScaleElem, SkewElem, StackChild,
    StackElem,
};
use typst::visualize::{
    CircleElem, CurveElem, EllipseElem, LineElem, PolygonElem, RectElem, SquareElem,
};
use typst_html::{FrameElem, HtmlElem, attr, tag};

/// How wide and high the web's page is for those who ask.
const CENTIMETRES: (f64, f64) = (16.0, 24.0);

/// Registers the rules beside typst's.
pub(crate) fn register(rules: &mut NativeRuleMap) {
    let html = Target::Html;
    rules.register::<LayoutElem>(html, LAYOUT);
    rules.register::<AlignElem>(html, |elem, _, _| {
        let x = match elem.alignment.get_cloned(Default::default()).x() {
            Some(x) => format!("text-align: {x:?}").to_lowercase(),
            None => String::new(),
        };
        Ok(block("div", Some(elem.body.clone()), &x))
    });
    rules.register::<PadElem>(html, |elem, _, _| Ok(elem.body.clone()));
    rules.register::<ColumnsElem>(html, |elem, _, _| Ok(elem.body.clone()));
    rules.register::<PlaceElem>(html, |elem, _, _| Ok(elem.body.clone()));
    rules.register::<HideElem>(html, |_, _, _| Ok(Content::empty()));
    rules.register::<RepeatElem>(html, |_, _, _| Ok(Content::empty()));
    rules.register::<GridElem>(html, GRID);
    rules.register::<StackElem>(html, |elem, _, _| {
        let blocks = elem.children.iter().filter_map(|child| match child {
            StackChild::Block(body) => Some(block("div", Some(body.clone()), "")),
            StackChild::Spacing(_) => None,
        });
        Ok(Content::sequence(blocks))
    });
    // What is only drawn is drawn as it is on pages.
    rules.register::<MoveElem>(html, |elem, _, _| Ok(drawn(elem.clone().pack())));
    rules.register::<RotateElem>(html, |elem, _, _| Ok(drawn(elem.clone().pack())));
    rules.register::<ScaleElem>(html, |elem, _, _| Ok(drawn(elem.clone().pack())));
    rules.register::<SkewElem>(html, |elem, _, _| Ok(drawn(elem.clone().pack())));
    rules.register::<LineElem>(html, |elem, _, _| Ok(drawn(elem.clone().pack())));
    rules.register::<CurveElem>(html, |elem, _, _| Ok(drawn(elem.clone().pack())));
    rules.register::<PolygonElem>(html, |elem, _, _| Ok(drawn(elem.clone().pack())));
    rules.register::<EllipseElem>(html, |elem, _, _| Ok(drawn(elem.clone().pack())));
    rules.register::<CircleElem>(html, |elem, _, _| Ok(drawn(elem.clone().pack())));
    rules.register::<SquareElem>(html, |elem, _, _| Ok(drawn(elem.clone().pack())));
    // A rectangle is a frame around its text.
    rules.register::<RectElem>(html, |elem, _, styles| {
        Ok(match elem.body.get_cloned(styles) {
            Some(body) => block("boxed", Some(body), ""),
            None => drawn(elem.clone().pack()),
        })
    });
}

const LAYOUT: ShowFn<LayoutElem> = |elem, engine, styles| {
    let context = Context::new(elem.location(), Some(styles));
    let size = dict! { "width" => Abs::cm(CENTIMETRES.0), "height" => Abs::cm(CENTIMETRES.1) };
    Ok(elem.func.call(engine, context.track(), [size])?.display())
};

const GRID: ShowFn<GridElem> = |elem, _, styles| {
    let cells = elem.children.iter().flat_map(cells);
    let columns = elem.columns.get_ref(styles).0.len().max(1);
    let style = format!("grid-template-columns: repeat({columns}, auto)");
    Ok(block("grid", Some(Content::sequence(cells)), &style))
};

/// The cells of a part of a grid; its lines stay on paper.
fn cells(child: &GridChild) -> Vec<Content> {
    let cell = |item: &GridItem| match item {
        GridItem::Cell(cell) => Some(block("div", Some(cell.body.clone()), "")),
        GridItem::HLine(_) | GridItem::VLine(_) => None,
    };
    match child {
        GridChild::Item(item) => cell(item).into_iter().collect(),
        GridChild::Header(header) => header.children.iter().filter_map(cell).collect(),
        GridChild::Footer(footer) => footer.children.iter().filter_map(cell).collect(),
    }
}

/// A `div`, of a class if it is not plain.
fn block(class: &'static str, body: Option<Content>, style: &str) -> Content {
    let mut element = HtmlElem::new(tag::div).with_body(body);
    if class != "div" {
        element = element.with_attr(attr::class, class);
    }
    if !style.is_empty() {
        element = element.with_attr(attr::style, style);
    }
    BlockElem::packed(element.pack())
}

fn drawn(content: Content) -> Content {
    FrameElem::new(content).pack()
}
