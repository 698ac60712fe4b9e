//! Did you mean.

use strsim::osa_distance;

/// The candidate that a misspelt word most likely stands for, if any is close.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let bound = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (osa_distance(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= bound)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_hand_are_recognised() {
        let fields = ["name", "source", "authorization"];
        assert_eq!(closest("sorce", fields), Some("source"));
        assert_eq!(closest("soruce", fields), Some("source"));
        assert_eq!(closest("Authorisation", fields), Some("authorization"));
        assert_eq!(closest("target", fields), None);
    }
}
