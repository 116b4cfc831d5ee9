use serde_json::json;

use super::*;

fn members(value: Value) -> Members {
    let Value::Object(members) = value else {
        panic!("{value}");
    };
    Members::new(members)
}

#[test]
fn a_text_that_is_null_is_absent_and_of_another_type_is_wrong() {
    let mut read = members(json!({"group": null, "note": "x", "match": 7}));
    assert_eq!(read.text("group"), None);
    assert_eq!(read.text("note").as_deref(), Some("x"));
    assert!(read.errors.is_empty());
    assert_eq!(read.text("match"), None);
    assert_eq!(read.errors, [FieldError::new("match", "must be a string")]);
}

#[test]
fn a_whole_number_may_be_written_in_any_way_that_64_bits_hold() {
    for (written, number) in [
        (json!(60), Some(60)),
        (json!(60.0), Some(60)),
        (json!(-1.0), Some(-1)),
        (json!(6e1), Some(60)),
        (json!(u64::MAX), Some(i64::MAX)),
        (json!(1e19), Some(i64::MAX)),
        (json!(18_446_744_073_709_551_616.0), None),
        (json!(-18_446_744_073_709_551_616.0), None),
        (json!(1e300), None),
        (json!(0.5), None),
        (json!("60"), None),
        (json!(true), None),
    ] {
        assert_eq!(whole(&written), number, "{written}");
    }
}
