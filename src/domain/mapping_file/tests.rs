use chrono::DateTime;
use serde_json::json;

use super::*;

fn wrong(file: Value) -> Vec<String> {
    let file = serde_json::from_value(file).unwrap();
    let errors = parse(file).err().unwrap_or_default();
    errors.iter().map(ToString::to_string).collect()
}

fn mapping(group: &str, room: &str) -> Value {
    json!({"group": group, "match": "exact", "roles": ["red5-publisher"], "transports": ["WHIP"], "rooms": [room]})
}

fn test(name: &str) -> Value {
    json!({"name": name, "given": {}, "cannot": [{"role": "red5-publisher", "room": "*"}]})
}

#[test]
fn a_file_is_ordered_whatever_the_order_of_the_rows_and_has_no_numbers() {
    let text = |mappings: [Value; 3], tests: [Value; 2]| {
        let file = json!({"mappings": mappings, "tests": tests});
        let wanted = parse(serde_json::from_value(file).unwrap()).unwrap();
        let at = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        write(&wanted.alone(at)).unwrap()
    };
    let [a, b, c] = [mapping("a", "y"), mapping("a", "z"), mapping("b", "x")];
    let one = text([c.clone(), a.clone(), b.clone()], [test("2"), test("1")]);
    assert_eq!(one, text([b, c, a], [test("1"), test("2")]));
    assert!(one.ends_with("}\n"));
    let read: Value = serde_json::from_str(&one).unwrap();
    assert_eq!(read["mappings"][1]["rooms"], json!(["z"]));
    assert_eq!(read["tests"][0]["name"], "1");
    for member in ["\"id\"", "\"version\"", "created_at", "updated_by"] {
        assert!(!one.contains(member), "{member}");
    }
}

#[test]
fn each_error_is_named_by_its_place_in_the_file() {
    let mut wide = mapping("a", "*");
    wide["id"] = json!(7);
    let errors = wrong(json!({
        "mappings": [mapping("a", "lobby"), mapping("a", "x y"), wide, mapping("a", "lobby")],
        "tests": [test("1"), test("")], "more": 1
    }));
    let fields: Vec<_> = errors.iter().map(|error| error.split(':').next()).collect();
    assert_eq!(
        fields,
        [
            "mappings[1].rooms[0]",
            "mappings[2].id",
            "tests[1].name",
            "more"
        ]
        .map(Some)
    );
}

#[test]
fn rows_that_say_the_same_are_refused_and_an_absent_list_is_left_alone() {
    let rows = [mapping("a", "x"), mapping("b", "x"), mapping("a", "x")];
    assert_eq!(
        wrong(json!({"mappings": rows, "tests": [test("1"), test("1")]})),
        [
            "mappings[2]: says the same as mappings[0]: remove one of them",
            "tests[1]: says the same as tests[0]: remove one of them"
        ]
    );
    assert_eq!(parse(Map::new()), Ok(WantedTables::default()));
    assert_eq!(
        wrong(json!({"mappings": null})),
        ["mappings: must be a list of at most 100000 objects"]
    );
}
