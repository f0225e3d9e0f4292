//! [`cenote_bench::pairs`] over cenote.

cenote_bench::pairs_main!(cenote::Cenote, cenote::Cenote);
