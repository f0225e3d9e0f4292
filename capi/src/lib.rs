//! `libcenote`: cenote for C and C++ programs.
//!
//! | module | what |
//! |---|---|
//! | `malloc` | the functions that a C library has, for programs to find instead |
//! | `operators` | C++'s `operator new` and `operator delete` |
//! | `native` | the functions of `cenote.h` |
//! | `heaps` | those for first-class heaps |
//! | `rules` | what C, POSIX and glibc ask of all of them: errors, alignments, foreign pointers |
//! | `report` | the statistics as text, JSON, and in glibc's forms |
//!
//! All functions may be called by any thread at any time: by the loader before the program starts, while another
//! thread initialises the library, in destructors at the end of a thread or of the program. In signal handlers none may.

mod heaps;
#[cfg(feature = "malloc")]
mod malloc;
mod native;
#[cfg(feature = "malloc")]
mod operators;
mod report;
mod rules;
