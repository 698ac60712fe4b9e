//! Every wire vector, by the engine, however its body is split and however it ends.
#![cfg(not(target_arch = "wasm32"))]

mod wire_vectors;

use std::collections::BTreeSet;
use std::fs;

use proptest::prelude::*;
use wire_vectors::{Body, Ending, FILES, Judge, Vector, Verdict, WireTests};

fn files() -> Vec<(&'static str, WireTests)> {
    FILES
        .iter()
        .map(|(name, text)| (*name, WireTests::read(name, text).unwrap()))
        .collect()
}

fn vectors() -> Vec<Vector> {
    let all = files();
    all.iter()
        .flat_map(|(_, file)| file.vectors())
        .cloned()
        .collect()
}

#[test]
fn every_vector() {
    let differences: Vec<String> = files()
        .iter()
        .flat_map(|(name, file)| file.differences(name, Verdict::of))
        .collect();
    assert!(
        differences.is_empty(),
        "{}:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// Not only the same verdict: the same answer, to the byte.
#[test]
fn no_splitting_changes_anything() {
    for vector in vectors() {
        let judge = Judge::new(&vector);
        let (body, whole) = (judge.body(), judge.whole());
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        // Long ones are long by repetition: every place would be the same place.
        let step = if body.len() > 1000 { 37 } else { 1 };
        for ending in Ending::ALL {
            let same = |pieces: &[&[u8]], how: &str| {
                let verdict = judge.pieces(pieces, ending);
                assert_eq!(verdict, whole, "{}: {how}, {ending:?}", vector.name);
            };
            same(&[body], "whole");
            same(&bytes, "byte by byte");
            for split in (0..=body.len()).step_by(step) {
                let (first, second) = body.split_at(split);
                same(&[first, second], "split");
            }
        }
    }
}

/// Pieces of a body, cut at any places.
fn pieces<'b>(body: &'b [u8], cuts: &[prop::sample::Index]) -> Vec<&'b [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
    places.sort_unstable();
    let mut start = 0;
    let mut pieces = Vec::new();
    for place in places.into_iter().chain([body.len()]) {
        pieces.push(&body[start..place]);
        start = place;
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_random_splitting_changes_anything(
        vector in prop::sample::select(vectors()),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ending in prop::sample::select(&Ending::ALL[..]),
    ) {
        let judge = Judge::new(&vector);
        prop_assert_eq!(judge.pieces(&pieces(judge.body(), &cuts), ending), judge.whole());
    }

    /// Near every vector, too: some of its bytes are others.
    #[test]
    fn no_random_splitting_changes_anything_for_mutants(
        mut vector in prop::sample::select(vectors()),
        mutations in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 1..12),
        ending in prop::sample::select(&Ending::ALL[..]),
    ) {
        let mut body = Judge::new(&vector).body().to_vec();
        prop_assume!(!body.is_empty() && body.len() <= wire_vectors::BODY_LIMIT);
        for (place, byte) in &mutations {
            *place.get_mut(&mut body) = *byte;
        }
        vector.body = Some(Body::of_bytes(&body));
        let judge = Judge::new(&vector);
        prop_assert_eq!(judge.pieces(&pieces(&body, &cuts), ending), judge.whole());
    }
}

#[test]
fn every_rule_is_refused_and_has_an_honest_twin() {
    let mut count = 0;
    for (name, file) in files() {
        let mut names = BTreeSet::new();
        assert!(!file.rules.is_empty(), "{name}");
        for rule in &file.rules {
            assert!(!rule.refused.is_empty(), "{name}: {}", rule.rule);
            assert!(!rule.passes.is_empty(), "{name}: {}", rule.rule);
            assert!(names.insert(&rule.rule), "{name}: {} twice", rule.rule);
            let mut names = BTreeSet::new();
            for vector in rule.refused.iter().chain(&rule.passes) {
                let Vector { name, why, .. } = vector;
                assert!(names.insert(name), "{}: {name} twice", rule.rule);
                assert!(!why.is_empty() && !why.contains('\n'), "{name}: {why}");
                count += 1;
            }
        }
    }
    assert!(count >= 250, "{count}");
}

/// What users are told is refused is what is tested, rule by rule.
#[test]
fn the_table_has_every_rule() {
    let table = include_str!("wire/README.md");
    let told: BTreeSet<String> = table
        .lines()
        .filter(|line| line.ends_with(".yaml) |"))
        .map(str::to_owned)
        .collect();
    let tested: BTreeSet<String> = files()
        .iter()
        .flat_map(|(name, file)| {
            file.rules.iter().map(move |rule| {
                format!(
                    "| {} | {} | [{name}]({name}.yaml) |",
                    rule.rule, rule.attack
                )
            })
        })
        .collect();
    let (missing, unknown) = (&tested - &told, &told - &tested);
    let lines = |lines: BTreeSet<String>| lines.into_iter().collect::<Vec<_>>().join("\n");
    assert!(missing.is_empty(), "missing:\n{}", lines(missing));
    assert!(unknown.is_empty(), "unknown:\n{}", lines(unknown));
}

#[test]
fn no_file_is_left_out() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire");
    let there: BTreeSet<String> = fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".yaml").map(str::to_owned)
        })
        .collect();
    let run: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(there, run);
}

#[test]
fn a_wrong_expectation_is_noticed() {
    for vector in vectors() {
        let verdict = Verdict::of(&vector);
        assert_eq!(vector.difference(&verdict), None);
        let mut wrong = vector.clone();
        // Refused where it should pass, and the other way round.
        (wrong.refuse, wrong.reads) = match vector.refuse {
            Some(_) => (None, Some("1 tools/call tool echo".to_owned())),
            None => (Some("400 -32600 duplicate key".to_owned()), None),
        };
        assert!(wrong.difference(&verdict).is_some(), "{}", vector.name);
        // Read, or refused, as something else.
        let mut wrong = vector.clone();
        for text in wrong.refuse.iter_mut().chain(&mut wrong.reads) {
            text.push('x');
        }
        assert!(wrong.difference(&verdict).is_some(), "{}", vector.name);
        // Answered to another id.
        let mut wrong = vector.clone();
        wrong.id.push('0');
        assert!(wrong.difference(&verdict).is_some(), "{}", vector.name);
    }
}

#[test]
fn a_file_that_is_not_understood_is_refused() {
    let good = "apiVersion: accesspolicy/v1\nkind: WireTests\ndescription: d\nrules:\n  \
                - rule: r\n    attack: a\n    refused: []\n    passes:\n      \
                - {name: n, why: w, reads: 1 ping}\n";
    assert!(WireTests::read("good", good).is_ok());
    for (what, with) in [
        ("WireTests", "DecisionTests"),
        ("accesspolicy/v1", "accesspolicy/v2"),
        ("attack: a", "attack: a\n    other: b"),
        ("why: w", "why: w, other: b"),
        ("why: w, ", ""),
        ("reads: 1 ping", "refuse: 400 x"),
        ("reads: 1 ping", "body: x"),
        ("reads: 1 ping", "reads: 1 ping, refuse: 400 x"),
        ("reads: 1 ping", "reads: 1 ping, body: [{hexa: \"00\"}]"),
    ] {
        let bad = good.replace(what, with);
        assert!(WireTests::read("bad", &bad).is_err(), "{bad}");
    }
}

/// The tool that hostile vectors want to reach.
const MARKER: &str = "delete_everything";

#[test]
fn no_answer_quotes_the_body() {
    let mut marked = 0;
    for vector in vectors() {
        let judge = Judge::new(&vector);
        let Some(answer) = judge.whole().answer else {
            continue;
        };
        let text = String::from_utf8(answer.body).unwrap();
        marked += usize::from(String::from_utf8_lossy(judge.body()).contains(MARKER));
        assert!(!text.contains(MARKER), "{}: {text}", vector.name);
        for (name, value) in &answer.headers {
            assert!(!name.contains(MARKER) && !value.contains(MARKER));
        }
    }
    assert!(marked >= 100, "{marked}");
}

/// An answer is made of the kind of fault, its place and the id: of nothing else.
#[test]
fn answers_say_what_was_wrong_and_where() {
    for vector in vectors() {
        let verdict = Verdict::of(&vector);
        let (Some(answer), Some(id)) = (&verdict.answer, &verdict.id) else {
            continue;
        };
        let text = std::str::from_utf8(&answer.body).unwrap();
        let mut words = verdict.text.splitn(3, ' ');
        let (status, code, fault) = (words.next(), words.next().unwrap(), words.next().unwrap());
        let message = match code {
            "403" => "Access to this tool is forbidden.".to_owned(),
            _ => {
                let kind = match code {
                    "-32700" => "Parse error",
                    "-32600" => "Invalid request",
                    "-32602" => "Invalid params",
                    "-32020" => "Header mismatch",
                    other => panic!("{other}"),
                };
                let place = verdict.offset.map(|offset| format!(" (at byte {offset})"));
                format!("{kind}: {fault}{}", place.unwrap_or_default())
            }
        };
        let message = serde_json::to_string(&message).unwrap();
        assert_eq!(
            text,
            format!(
                r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":{message}}}}}"#
            ),
            "{}",
            vector.name
        );
        assert_eq!(answer.headers, [("content-type", "application/json")]);
        let expected: &[&str] = match code {
            "403" => &["200"],
            "-32600" => &["400", "413", "415"],
            _ => &["400"],
        };
        assert!(
            status.is_some_and(|status| expected.contains(&status)),
            "{text}"
        );
    }
}
