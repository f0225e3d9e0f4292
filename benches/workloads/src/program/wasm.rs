//! `wasmi`: a host that loads plug-ins of WebAssembly.
//!
//! It imitates a proxy or a game that is extended by modules: a module of thousands of functions is validated and
//! translated, instantiated several times, and each instance runs its functions and grows its memory. Translation makes
//! many vectors of all sizes; instances are tables and pages.
//!
//! Its number cannot show a compiler to machine code, whose results are not the allocator's.

use super::{expect, spoiled};
use crate::rng::Rng;
use crate::{Outcome, Pass, Prepare, Setting, Workload, input};
use cenote_bench_protocol::Group;
use wasm_encoder::{
    CodeSection, ExportKind, ExportSection, Function, FunctionSection, MemorySection, MemoryType, Module, TypeSection,
    ValType,
};
use wasmi::{Engine, Linker, Store};

/// Translate, instantiate, run.
pub const WORKLOAD: Workload = Workload {
    name: "wasmi",
    group: Group::Program,
    about: "wasmi translates a module of many functions, and runs several instances of it",
    quick: false,
    scales: false,
    threads: 1,
    warm_up: 0,
    prepare: Prepare::Reading { write, read },
};

/// Instances alive together.
const INSTANCES: usize = 8;
/// Steps of arithmetic in a function.
const STEPS: usize = 24;
/// Pages of 64 KiB that an instance begins with; it grows by as many.
const PAGES: u32 = 4;
/// What every function is called with.
const ARGUMENT: i32 = 17;

fn write(setting: &Setting) -> Vec<u8> {
    input::encode(&assemble(setting.seed, setting.scaled(4_800)))
}

fn read(_: &Setting, input: &'static [u8]) -> Pass {
    let (module, expected): (&[u8], Vec<i32>) = input::decode(input);
    Box::new(move || host(module, &expected))
}

/// A module of `functions` functions, and what each makes of [`ARGUMENT`].
fn assemble(seed: u64, functions: usize) -> (Vec<u8>, Vec<i32>) {
    let mut rng = Rng::new(seed);
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32], [ValType::I32]);
    let (mut declared, mut exports, mut code) = (FunctionSection::new(), ExportSection::new(), CodeSection::new());
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: PAGES.into(),
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    exports.export("memory", ExportKind::Memory, 0);
    let mut results = Vec::new();
    for n in 0..functions {
        declared.function(0);
        exports.export(&format!("function-{n}"), ExportKind::Func, n as u32);
        let mut body = Function::new([(1, ValType::I32)]);
        let mut value = ARGUMENT;
        for _ in 0..STEPS {
            let constant = rng.next_u64() as i32;
            let mut sink = body.instructions();
            sink.local_get(0).i32_const(constant);
            value = if rng.below(2) == 0 {
                sink.i32_add();
                value.wrapping_add(constant)
            } else {
                sink.i32_xor();
                value ^ constant
            };
            sink.local_tee(1).local_set(0);
        }
        body.instructions().local_get(1).end();
        code.function(&body);
        results.push(value);
    }
    let mut module = Module::new();
    module.section(&types).section(&declared).section(&memories).section(&exports).section(&code);
    (module.finish(), results)
}

fn host(bytes: &[u8], expected: &[i32]) -> Outcome {
    let engine = Engine::default();
    let module = wasmi::Module::new(&engine, bytes).map_err(spoiled)?;
    let linker = Linker::new(&engine);
    let mut plugins = Vec::new();
    for _ in 0..INSTANCES {
        let mut store = Store::new(&engine, ());
        let instance = linker.instantiate_and_start(&mut store, &module).map_err(spoiled)?;
        plugins.push((store, instance));
    }
    let mut answer = 0u64;
    for (plugin, (store, instance)) in plugins.iter_mut().enumerate() {
        for (n, &value) in expected.iter().enumerate().skip(plugin).step_by(INSTANCES) {
            let name = format!("function-{n}");
            let function = instance.get_typed_func::<i32, i32>(&*store, &name).map_err(spoiled)?;
            let found = function.call(&mut *store, ARGUMENT).map_err(spoiled)?;
            expect(&name, found, value)?;
            answer = answer.wrapping_mul(31).wrapping_add(u64::from(found.cast_unsigned()));
        }
        let memory = instance.get_memory(&*store, "memory").ok_or("the memory is not exported")?;
        let before = memory.grow(&mut *store, PAGES.into()).map_err(spoiled)?;
        expect("pages", before, PAGES.into())?;
        if memory.data(&*store).iter().any(|&byte| byte != 0) {
            return Err("fresh memory of an instance is not zero".into());
        }
    }
    Ok(answer)
}
