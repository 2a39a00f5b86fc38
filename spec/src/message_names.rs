//! Names of messages, made from their `type` or `action`.

/// `job_queued` and `jobQueued` become `JobQueued`.
pub fn pascal(name: &str) -> String {
    let mut pascal = String::new();
    let mut is_first = true;
    for character in name.chars() {
        match character {
            '_' | '-' | ':' => is_first = true,
            _ if is_first => {
                pascal.extend(character.to_uppercase());
                is_first = false;
            }
            _ => pascal.push(character),
        }
    }
    pascal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_become_one() {
        for name in ["job_queued", "jobQueued", "JobQueued"] {
            assert_eq!(pascal(name), "JobQueued");
        }
    }
}
