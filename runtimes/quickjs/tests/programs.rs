//! The real QuickJS, on cenote, computes what it computes on the C library's memory.

use cenote::Cenote;
use cenote_quickjs::Memory;
use rquickjs::{CatchResultExt, Context, Runtime};

#[path = "../programs/mod.rs"]
mod programs;

fn run(runtime: &Runtime, name: &str, source: &str) -> Result<String, String> {
    let context = Context::full(runtime).expect("memory for a context");
    context.with(|context| context.eval(source).catch(&context).map_err(|error| format!("{name}: {error}")))
}

fn on_cenote() -> Runtime {
    Runtime::new_with_alloc(Memory).expect("memory for a runtime")
}

fn on_c() -> Runtime {
    Runtime::new().expect("memory for a runtime")
}

#[test]
fn programs_compute_the_same() {
    for (name, source) in programs::ALL {
        let result = run(&on_cenote(), name, source).expect("the program ends well");
        assert_eq!(Ok(result), run(&on_c(), name, source), "{name}");
    }
}

#[test]
fn runtimes_of_several_threads_compute_the_same() {
    let (name, source) = programs::ALL[3];
    let expected = run(&on_c(), name, source);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(run(&on_cenote(), name, source), expected));
        }
    });
}

#[test]
fn a_runtime_takes_its_memory_from_cenote() {
    let runtime = on_cenote();
    let context = Context::full(&runtime).expect("memory for a context");
    context.with(|context| context.eval::<(), _>("globalThis.kept = new Uint8Array(10 << 20)")).expect("ten mebibytes");
    let stats = Cenote::stats();
    assert!(stats.run_bytes + stats.large_bytes >= 10 << 20, "{stats}");
}

#[test]
fn a_limit_is_an_error_and_the_runtime_goes_on() {
    let runtime = on_cenote();
    runtime.set_memory_limit(4 << 20);
    let error = run(&runtime, "huge", "'x'.repeat(1 << 29).length.toString()").expect_err("above the limit");
    assert!(error.contains("out of memory") || error.contains("null"), "{error}");
    runtime.set_memory_limit(0);
    assert_eq!(run(&runtime, "after", "'x'.repeat(1000).length.toString()"), Ok("1000".to_owned()));
}
