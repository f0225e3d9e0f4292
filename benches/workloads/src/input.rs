//! Inputs of programs, which another process makes.
//!
//! What a process allocated while it made them would be at hand, or already cleared, when the clock starts; a program that
//! reads a file has nothing of the kind. So they travel as bytes, from which texts are borrowed and lists of numbers read.

use serde::{Deserialize, Serialize};

/// `input` as bytes.
///
/// # Panics
/// Never with plain data, written to memory.
pub fn encode<T: Serialize>(input: &T) -> Vec<u8> {
    postcard::to_stdvec(input).expect("plain data, written to memory")
}

/// The input of which [`encode`] made `bytes`.
///
/// # Panics
/// When these bytes are not of that.
pub fn decode<T: Deserialize<'static>>(bytes: &'static [u8]) -> T {
    postcard::from_bytes(bytes).expect("the bytes of such an input")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_bytes_are_borrowed() {
        let bytes: &'static [u8] = encode(&(vec!["one".to_owned(), "two".to_owned()], vec![7_u8; 100], 9_u64)).leak();
        let (texts, data, number): (Vec<&'static str>, &'static [u8], u64) = decode(bytes);
        assert_eq!((&texts[..], data, number), (&["one", "two"][..], &[7; 100][..], 9));
        assert!(texts.iter().all(|text| bytes.as_ptr_range().contains(&text.as_ptr())));
        assert!(bytes.as_ptr_range().contains(&data.as_ptr()));
    }
}
