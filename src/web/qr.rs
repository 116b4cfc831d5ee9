//! QR codes (ISO/IEC 18004), drawn by the server as an SVG path: no script, and no other origin that
//! would learn the token.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

use super::views::QrImage;

/// Light squares around the code.
const MARGIN: i32 = 4;

/// The image of a text, which is called `of`; `None` if it is too long for a code.
pub fn image(of: &'static str, text: &str) -> Option<QrImage> {
    // A screen has no dirt, so the least error correction is enough; it gives the largest squares.
    let code = QrCode::encode_text(text, QrCodeEcc::Low).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let dark = (x..code.size()).take_while(|x| code.get_module(*x, y));
            let length = i32::try_from(dark.count()).ok()?;
            if length > 0 {
                let (left, top) = (x + MARGIN, y + MARGIN);
                let _ = write!(path, "M{left} {top}h{length}v1h-{length}z");
            }
            x += length + 1;
        }
    }
    Some(QrImage {
        of,
        size: u32::try_from(code.size() + 2 * MARGIN).ok()?,
        path,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dark_square_is_drawn_once_and_no_light_one() {
        let text = "https://media.example.com/live/a/whip/endpoint/b?token=x.y-z_1";
        let image = image("address", text).unwrap();
        let code = QrCode::encode_text(text, QrCodeEcc::Low).unwrap();
        assert_eq!(image.size, u32::try_from(code.size() + 8).unwrap());
        let mut drawn = std::collections::BTreeSet::new();
        for run in image.path.split_terminator('z') {
            let (at, run) = run.strip_prefix('M').unwrap().split_once('h').unwrap();
            let (x, y) = at.split_once(' ').unwrap();
            let (length, back) = run.split_once("v1h-").unwrap();
            assert_eq!(length, back);
            let (x, y): (i32, i32) = (x.parse().unwrap(), y.parse().unwrap());
            for x in x..x + length.parse::<i32>().unwrap() {
                assert!(drawn.insert((x - MARGIN, y - MARGIN)));
            }
        }
        for y in -MARGIN..code.size() + MARGIN {
            for x in -MARGIN..code.size() + MARGIN {
                assert_eq!(drawn.contains(&(x, y)), code.get_module(x, y), "{x} {y}");
            }
        }
    }

    #[test]
    fn a_text_that_is_too_long_has_no_image() {
        assert!(image("line", &"x".repeat(2953)).is_some());
        assert!(image("line", &"x".repeat(2954)).is_none());
    }
}
