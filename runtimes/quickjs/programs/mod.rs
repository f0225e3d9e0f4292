//! The JavaScript programs, by name. Each evaluates to a string that tells whether it went right.

pub const ALL: [(&str, &str); 5] = [
    ("trees", include_str!("trees.js")),
    ("strings", include_str!("strings.js")),
    ("json", include_str!("json.js")),
    ("churn", include_str!("churn.js")),
    ("generators", include_str!("generators.js")),
];
