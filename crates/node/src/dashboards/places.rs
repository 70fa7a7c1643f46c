//! No widget is put where another one stands. Pure.
//!
//! Invariant: a change that somebody makes by hand puts no cell on another one of the same page and screen size. What goes back
//! (undo, restore) or comes from a file is taken as it is, since refusing it would lose it; pages show it pushed apart, and an
//! import says so. A size whose layout follows from the wall has no cells that count.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Cell, Dashboard, Size, Widget, WidgetsFile};
use super::state::{Body, State, Step};
use crate::Error;

/// Fails if a step puts a cell on another one, with the number of the step, counted from 0. Cells that stay as they are may
/// lie on others: whoever only renames a widget did not put it there.
pub(super) fn check_places(state: &State, steps: &[Step]) -> Result<(), (usize, Error)> {
    let placed: Vec<(usize, &Widget, Vec<Size>)> = steps
        .iter()
        .enumerate()
        .filter_map(|(nth, step)| Some((nth, widget_of(step)?)))
        .map(|(nth, widget)| (nth, widget, sizes_put(state, widget)))
        .filter(|(_, _, sizes)| !sizes.is_empty())
        .collect();
    if placed.is_empty() {
        return Ok(());
    }
    let touched: BTreeSet<&str> = steps.iter().map(|step| &*step.key.id).collect();
    let pages: BTreeSet<&str> = placed.iter().map(|(_, widget, _)| widget.dashboard.as_str()).collect();
    let there = state.widgets().map(|(widget, _)| widget).filter(|widget| !touched.contains(widget.id.as_str()));
    let standing: Vec<&Widget> = there
        .chain(steps.iter().filter_map(widget_of))
        .filter(|widget| pages.contains(widget.dashboard.as_str()))
        .collect();
    for (nth, widget, sizes) in placed {
        for size in sizes {
            if let Some(other) = under(&standing, widget, size) {
                return Err((nth, covers(other, size)));
            }
        }
    }
    Ok(())
}

fn widget_of(step: &Step) -> Option<&Widget> {
    match &step.after.as_ref()?.body {
        Body::Widget(widget) => Some(widget),
        _ => None,
    }
}

/// The sizes at which a widget gets another place than it has, as far as they count.
fn sizes_put(state: &State, widget: &Widget) -> Vec<Size> {
    let before = state.widget(&widget.id).map(|(before, _)| before);
    let before = before.filter(|before| before.dashboard == widget.dashboard);
    let Some((page, _)) = state.dashboard(&widget.dashboard) else { return Vec::new() };
    let stays = |size, cell| before.and_then(|before| before.layout.get(size)) == Some(cell);
    let put = widget.layout.iter().filter(|(size, cell)| counts(page, **size) && !stays(size, cell));
    put.map(|(size, _)| *size).collect()
}

/// Whether a page has cells of its own at a size.
fn counts(page: &Dashboard, size: Size) -> bool {
    size == Size::Wall || page.grids.get(&size).is_some_and(|grid| grid.own)
}

fn under<'a>(standing: &[&'a Widget], widget: &Widget, size: Size) -> Option<&'a Widget> {
    let cell = widget.layout.get(&size)?;
    let others = standing.iter().filter(|other| other.id != widget.id && other.dashboard == widget.dashboard);
    others.copied().find(|other| other.layout.get(&size).is_some_and(|theirs| overlap(*cell, *theirs)))
}

fn overlap(a: Cell, b: Cell) -> bool {
    a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
}

fn covers(other: &Widget, size: Size) -> Error {
    let title = if other.title.is_empty() { &other.kind } else { &other.title };
    let message = format!("there stands `{title:.80}` ({}) already", other.id);
    let hint = "choose free cells, move the other one in the same request (POST /api/widgets/batch), or leave the cell out: \
                then the widget stands where there is room";
    Error::invalid_at(format!("layout.{}", size.name()), message, Some(hint.into()))
}

/// Widgets of a file that lie on an earlier one of it, by page and size: the place of the first in the file, and how many.
pub(super) fn overlaps(file: &WidgetsFile) -> BTreeMap<(&str, Size), (usize, usize)> {
    let pages: BTreeMap<&str, &Dashboard> = file.dashboards.iter().map(|page| (page.id.as_str(), page)).collect();
    let mut cells: BTreeMap<(&str, Size), Vec<Cell>> = BTreeMap::new();
    let mut found: BTreeMap<(&str, Size), (usize, usize)> = BTreeMap::new();
    for (nth, widget) in file.widgets.iter().enumerate() {
        let Some(page) = pages.get(widget.dashboard.as_str()) else { continue };
        for (size, cell) in widget.layout.iter().filter(|(size, _)| counts(page, **size)) {
            let key = (page.id.as_str(), *size);
            let before = cells.entry(key).or_default();
            if before.iter().any(|other| overlap(*cell, *other)) {
                found.entry(key).or_insert((nth, 0)).1 += 1;
            }
            before.push(*cell);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::state::{Entry, EntryKind, Key};
    use super::*;

    fn cell(x: u32, y: u32) -> Value {
        json!({ "x": x, "y": y, "w": 2, "h": 2 })
    }

    fn widget(id: &str, page: &str, layout: &Value) -> Value {
        json!({ "id": id, "dashboard": page, "kind": "value", "title": id.to_uppercase(), "layout": layout })
    }

    /// The tablets of `eg` have a layout of their own, its phones follow the wall.
    fn file(widgets: &[Value]) -> WidgetsFile {
        let grids = json!({ "tablet": { "columns": 8, "own": true }, "phone": { "columns": 4 } });
        let pages = json!([{ "id": "eg", "name": "EG", "grids": grids }, { "id": "og", "name": "OG" }]);
        serde_json::from_value(json!({ "version": "1.0", "dashboards": pages, "widgets": widgets })).unwrap()
    }

    fn step(widget: &Value) -> Step {
        Step::put(Entry::new(Body::Widget(Box::new(serde_json::from_value(widget.clone()).unwrap()))))
    }

    #[test]
    fn a_step_that_puts_a_widget_on_another_one_is_named_and_one_that_does_not_is_taken() {
        let wall = |x, y| json!({ "wall": cell(x, y) });
        let there = [
            widget("a", "eg", &json!({ "wall": cell(0, 0), "tablet": cell(0, 0), "phone": cell(0, 0) })),
            widget("b", "eg", &wall(2, 0)),
            widget("c", "eg", &wall(2, 1)),
            widget("d", "og", &wall(0, 0)),
        ];
        let state = State::of_file(&file(&there));
        let remove = |id| Step::remove(Key::new(EntryKind::Widget, id));
        let on_a = Some((0, "layout.wall", "`A`"));
        for (steps, want) in [
            (vec![step(&widget("n", "eg", &wall(0, 0)))], on_a),
            (vec![step(&widget("n", "eg", &wall(0, 1)))], on_a),
            (vec![step(&widget("n", "eg", &wall(4, 0)))], None),
            (vec![step(&widget("n", "eg", &wall(0, 2)))], None),
            (vec![step(&widget("n", "eg", &json!({})))], None),
            (vec![step(&widget("n", "eg", &json!({ "tablet": cell(1, 1) })))], Some((0, "layout.tablet", "`A`"))),
            // What follows from the wall has no places that count.
            (vec![step(&widget("n", "eg", &json!({ "phone": cell(0, 0) })))], None),
            (vec![step(&widget("n", "og", &wall(2, 0)))], None),
            // From another page onto this one.
            (vec![step(&widget("d", "eg", &wall(0, 0)))], on_a),
            // `b` and `c` lie on each other already; who leaves them there may change the rest.
            (vec![step(&json!({ "id": "c", "dashboard": "eg", "kind": "clock", "layout": wall(2, 1) }))], None),
            (vec![step(&widget("c", "eg", &wall(3, 1)))], Some((0, "layout.wall", "`B`"))),
            // Two that change places, and one that comes where another goes.
            (vec![step(&widget("a", "eg", &wall(4, 0))), step(&widget("n", "eg", &wall(0, 0)))], None),
            (vec![step(&widget("n", "eg", &wall(0, 0))), remove("a")], None),
            (
                vec![step(&widget("n", "eg", &wall(8, 0))), step(&widget("m", "eg", &wall(9, 1)))],
                Some((0, "layout.wall", "`M`")),
            ),
            (vec![remove("b"), step(&widget("n", "eg", &wall(0, 0)))], Some((1, "layout.wall", "`A`"))),
        ] {
            let got = check_places(&state, &steps);
            match (got, want) {
                (Ok(()), None) => {}
                (Err((nth, Error::Invalid { message, key, hint, .. })), Some((step, place, words))) => {
                    assert_eq!((nth, key.as_deref()), (step, Some(place)), "{message}");
                    assert!(message.contains(words) && hint.is_some(), "{message}");
                }
                (got, want) => panic!("{steps:?}: got {got:?}, want {want:?}"),
            }
        }
    }

    #[test]
    fn what_lies_on_another_in_a_file_is_counted_by_page_and_size() {
        let both = json!({ "wall": cell(0, 0), "tablet": cell(0, 0), "phone": cell(0, 0) });
        let widgets = [
            widget("a", "eg", &both),
            widget("b", "eg", &both),
            widget("c", "eg", &json!({ "wall": cell(1, 1) })),
            widget("d", "og", &both),
        ];
        let file = file(&widgets);
        let want = [(("eg", Size::Tablet), (1, 1)), (("eg", Size::Wall), (1, 2))];
        assert_eq!(overlaps(&file).into_iter().collect::<Vec<_>>(), want);
    }
}
