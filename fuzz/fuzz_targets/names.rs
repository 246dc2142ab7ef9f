//! Names: what is a name stays one, as it is, and claims a look.

#![no_main]

use chinwag_core::{GroupName, Name};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(name) = Name::parse(text) {
        assert_eq!(Name::parse(name.as_str()), Ok(name.clone()), "parsed again, it is another");
        assert_eq!(Name::parse_exact(name.as_str()), Ok(name.clone()), "its canonical form is another");
        assert_eq!(Name::stored(name.as_str()), name, "stored, it is another");
        assert!(!name.fold().is_empty());
        let claims = name.claims();
        assert!(matches!(claims.len(), 1 | 2) && claims.iter().all(|claim| !claim.is_empty()), "{claims:?}");
    }
    if let Ok(name) = GroupName::parse(text) {
        assert_eq!(GroupName::parse(name.as_str()), Ok(name.clone()), "parsed again, it is another");
    }
});
