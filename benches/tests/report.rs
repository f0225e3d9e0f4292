//! What a reader of the report relies on.

mod synthetic;

use cenote_bench::report;
use std::path::{Path, PathBuf};

fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

#[test]
fn a_page_is_written() {
    let path = directory("page").join("report.html");
    report::write_html(&synthetic::full_run(), &path).unwrap();
    report::write_docs(&synthetic::full_run(), &directory("docs")).unwrap();
    println!("{}", report::table_text(&cenote_bench::statistics::summary(&synthetic::full_run())));
}
