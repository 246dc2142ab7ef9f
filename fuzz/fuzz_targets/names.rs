//! Names: a parsed name parses again unchanged, and has one or two look-alike keys.

#![no_main]

use chinwag_core::name::NameCase;
use chinwag_core::{GroupName, Name};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(name) = Name::parse(text) {
        assert_eq!(Name::parse(name.as_str()), Ok(name.clone()), "parsing again changes it");
        assert_eq!(Name::parse_exact(name.as_str()), Ok(name.clone()), "it is not in canonical form");
        assert_eq!(Name::stored(name.as_str()), name, "the stored form differs");
        for case in [NameCase::Folded, NameCase::Exact] {
            assert!(!name.fold(case).is_empty());
            let claims = name.claims(case);
            assert!(matches!(claims.len(), 1 | 2) && claims.iter().all(|claim| !claim.is_empty()), "{claims:?}");
        }
    }
    if let Ok(name) = GroupName::parse(text) {
        assert_eq!(GroupName::parse(name.as_str()), Ok(name.clone()), "parsing again changes it");
    }
});
