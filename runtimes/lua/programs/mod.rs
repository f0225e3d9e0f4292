//! The Lua programs, by name. Each returns a result that tells whether it went right.

pub const ALL: [(&str, &str); 5] = [
    ("trees", include_str!("trees.lua")),
    ("strings", include_str!("strings.lua")),
    ("json", include_str!("json.lua")),
    ("closures", include_str!("closures.lua")),
    ("churn", include_str!("churn.lua")),
];
