//! The examples print the same with cenote and with the system allocator beneath them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const EXAMPLES: [&str; 2] = ["inverted_index", "message_pool"];

#[test]
fn examples_agree_with_the_system_allocator() {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples_agree");
    let with_cenote = build(&scratch, "cenote", &[]);
    let with_system = build(&scratch, "system", &["--features", "passthrough"]);
    let tree = Tree::generate(&scratch.join("tree"));

    let mut reference = None;
    for programs in [&with_system, &with_cenote] {
        for threads in ["1", "2", "7"] {
            let output = run(
                &programs["inverted_index"],
                [tree.root.as_os_str(), "--threads".as_ref(), threads.as_ref(), "--stats".as_ref()],
            );
            tree.verify(&output);
            assert_eq!(*reference.get_or_insert(output.stdout.clone()), output.stdout);
        }
    }

    let mut reference = None;
    for programs in [&with_system, &with_cenote] {
        for (producers, workers, queue) in [("1", "1", "1"), ("2", "3", "64"), ("4", "1", "1000")] {
            let arguments = [
                ["--producers", producers],
                ["--workers", workers],
                ["--queue", queue],
                ["--messages", "3000"],
                ["--max-bytes", "5000"],
            ];
            let output = run(&programs["message_pool"], arguments.as_flattened());
            assert!(text(&output.stdout).starts_with("replies   3000\n"));
            assert_eq!(*reference.get_or_insert(output.stdout.clone()), output.stdout);
        }
    }

    for programs in [&with_system, &with_cenote] {
        let output = Command::new(&programs["inverted_index"])
            .arg(tree.root.join("no-such-directory"))
            .output()
            .expect("the example starts");
        assert!(!output.status.success());
        assert!(output.stdout.is_empty());
        assert!(text(&output.stderr).contains("no-such-directory"));
    }
}

/// Builds the examples and copies them to a folder of their own, since the next variant replaces them.
fn build(scratch: &Path, variant: &str, arguments: &[&str]) -> BTreeMap<&'static str, PathBuf> {
    let target = scratch.join("build");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--offline"])
        .args(EXAMPLES.iter().flat_map(|example| ["--example", example]))
        .args(arguments)
        .arg("--target-dir")
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("CARGO_BUILD_TARGET")
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "cargo build: {}", text(&output.stderr));

    let folder = scratch.join(variant);
    fs::create_dir_all(&folder).unwrap();
    EXAMPLES
        .into_iter()
        .map(|example| {
            let program = folder.join(example);
            fs::copy(target.join("debug/examples").join(example), &program).unwrap();
            (example, program)
        })
        .collect()
}

fn run(program: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
    let output = Command::new(program).args(arguments).output().expect("the example starts");
    assert!(output.status.success(), "{}: {}", program.display(), text(&output.stderr));
    output
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the examples print UTF-8")
}

/// A directory tree with something of every kind that a walker may meet.
struct Tree {
    root: PathBuf,
    texts: usize,
    unreadable: usize,
}

impl Tree {
    fn generate(root: &Path) -> Self {
        if root.exists() {
            fs::remove_dir_all(root).unwrap();
        }
        fs::create_dir_all(root.join("deep/er")).unwrap();
        let write = |name: &str, content: &[u8]| fs::write(root.join(name), content).unwrap();

        let mut texts = 0;
        for number in 0..60_u32 {
            let words: Vec<String> = (0..500).map(|i| format!("w{} Common", i * number % 997)).collect();
            write(&format!("deep/er/text{number}.txt"), words.join("\n ").as_bytes());
            texts += 1;
        }
        write("empty.txt", b"");
        write("latin1.txt", b"gar\xe7on stra\xdfe common");
        write("umlauts.txt", "Größe größe GRÖSSE common".as_bytes());
        texts += 3;
        write("binary.bin", b"common\0common");
        fs::create_dir(root.join("target")).unwrap();
        write("target/skipped.txt", b"skipped");
        symlink("nowhere", root.join("dangling.txt")).unwrap();
        symlink("..", root.join("deep/cycle")).unwrap();

        let forbidden = root.join("forbidden.txt");
        fs::write(&forbidden, "common").unwrap();
        fs::set_permissions(&forbidden, Permissions::from_mode(0o000)).unwrap();
        // The superuser may read it all the same.
        let readable = File::open(&forbidden).is_ok();
        texts += usize::from(readable);
        Self { root: root.to_owned(), texts, unreadable: 1 + usize::from(!readable) }
    }

    fn verify(&self, output: &Output) {
        let stdout = text(&output.stdout);
        for expected in [
            format!("files indexed  {}\n", self.texts),
            "files binary   1\n".to_owned(),
            format!("unreadable     {}\n", self.unreadable),
            "  common\n".to_owned(),
        ] {
            assert!(stdout.contains(&expected), "{expected:?} is missing in:\n{stdout}");
        }
        assert!(!stdout.contains("skipped"));
        assert!(text(&output.stderr).contains("dangling.txt"));
    }
}
