//! Reads words of other languages, abbreviations, and words with one letter wrong.

use std::collections::BTreeSet;

use crate::question::vocabulary;
use crate::text::tokens::Tokens;

/// German and Spanish words for periods and costs, without spaces, and the English ones.
const TRANSLATIONS: &[(&str, &str)] = &[
    ("firstquarterof", "Q1"),
    ("firstquarter", "Q1"),
    ("secondquarterof", "Q2"),
    ("secondquarter", "Q2"),
    ("thirdquarterof", "Q3"),
    ("thirdquarter", "Q3"),
    ("fourthquarterof", "Q4"),
    ("fourthquarter", "Q4"),
    ("fortherestoftheyear", "by the end of the year"),
    ("fortherestofthemonth", "by the end of the month"),
    ("elmespasado", "last month"),
    ("mespasado", "last month"),
    ("estemes", "this month"),
    ("elañopasado", "last year"),
    ("añopasado", "last year"),
    ("esteaño", "this year"),
    ("letztenmonat", "last month"),
    ("letztermonat", "last month"),
    ("vorigenmonat", "last month"),
    ("diesenmonat", "this month"),
    ("letztesjahr", "last year"),
    ("diesesjahr", "this year"),
    ("letztewoche", "last week"),
    ("de", "of"),
    ("en", "in"),
    ("im", "in"),
    ("januar", "January"),
    ("februar", "February"),
    ("märz", "March"),
    ("mai", "May"),
    ("juni", "June"),
    ("juli", "July"),
    ("oktober", "October"),
    ("dezember", "December"),
    ("enero", "January"),
    ("febrero", "February"),
    ("marzo", "March"),
    ("abril", "April"),
    ("mayo", "May"),
    ("junio", "June"),
    ("julio", "July"),
    ("agosto", "August"),
    ("septiembre", "September"),
    ("octubre", "October"),
    ("noviembre", "November"),
    ("diciembre", "December"),
    ("kosten", "cost"),
    ("ausgaben", "spend"),
    ("rechnung", "bill"),
    ("wieviel", "how much"),
    ("gasto", "spend"),
    ("gastos", "spend"),
    ("coste", "cost"),
    ("costes", "cost"),
    ("gastamos", "spend"),
    ("cuánto", "how much"),
    ("cuanto", "how much"),
    ("factura", "bill"),
];

/// What a change is since: the two periods that it is between.
const SINCE: &[(&str, &str)] = &[
    ("sincelastmonth", "this month versus last month"),
    ("sincelastweek", "this week versus last week"),
    ("sincelastquarter", "this quarter versus last quarter"),
    ("sincelastyear", "this year versus last year"),
];

/// Words of a German or Spanish question that restrict nothing.
const FOREIGN_FILLERS: &[&str] = &[
    "im",
    "für",
    "fuer",
    "und",
    "haben",
    "wir",
    "hat",
    "ausgegeben",
    "der",
    "die",
    "das",
    "den",
    "von",
    "ist",
    "war",
    "de",
    "del",
    "el",
    "la",
    "los",
    "las",
    "es",
    "fue",
    "hemos",
    "gastado",
    "costó",
];

/// The question with words of other languages in English; the same where it has no such words.
pub(crate) fn translated(tokens: &Tokens) -> Tokens {
    const CHANGES: &[&str] = &[
        "goneup",
        "gonedown",
        "changed",
        "increased",
        "decreased",
        "risen",
        "fallen",
        "grown",
    ];
    let changed = CHANGES.iter().any(|change| tokens.mentions(change));
    let mut text = String::new();
    let (mut at, mut any) = (0, false);
    while at < tokens.len() {
        let found = TRANSLATIONS
            .iter()
            .chain(SINCE.iter().filter(|_| changed))
            .filter_map(|(phrase, english)| Some((tokens.phrase_at(at, phrase)?, *english)))
            .max();
        let (end, piece) = match found {
            Some((end, english)) => {
                any = true;
                (end, english.to_string())
            }
            None => (at + 1, tokens.original_text(at, at + 1)),
        };
        if at > 0 {
            text.push_str(tokens.separator(at));
        }
        text.push_str(&piece);
        at = end;
    }
    if !any {
        return tokens.clone();
    }
    let mut read = Tokens::of(&text);
    read.mark_any_used(FOREIGN_FILLERS);
    read
}

/// The question with each unknown word replaced by the only known one within an edit of it, or by the long form of an
/// abbreviation; and what was replaced. `None` where nothing is.
pub(crate) fn corrected(
    tokens: &Tokens,
    unknown: &BTreeSet<String>,
    known: &BTreeSet<String>,
) -> Option<(Tokens, Vec<(String, String)>)> {
    let mut text = String::new();
    let mut replaced = Vec::new();
    for at in 0..tokens.len() {
        let word = tokens.text(at);
        let better = match unknown.contains(word) {
            true => vocabulary::long_form(word)
                .filter(|long| known.contains(*long))
                .map(str::to_string)
                .or_else(|| nearest(word, known)),
            false => None,
        };
        if at > 0 {
            text.push_str(tokens.separator(at));
        }
        match better {
            Some(better) => {
                text.push_str(&better);
                replaced.push((tokens.original_text(at, at + 1), better));
            }
            None => text.push_str(&tokens.original_text(at, at + 1)),
        }
    }
    (!replaced.is_empty()).then(|| (Tokens::of(&text), replaced))
}

/// The only known word within one edit. Short words have too many neighbours.
fn nearest(word: &str, known: &BTreeSet<String>) -> Option<String> {
    if word.chars().count() < 5 || known.contains(word) {
        return None;
    }
    let mut near = known
        .iter()
        .filter(|other| other.chars().count() >= 4 && is_one_edit(word, other));
    match (near.next(), near.next()) {
        (Some(only), None) => Some(only.clone()),
        _ => None,
    }
}

/// Whether one letter is added, missing, another one, or swapped with its neighbour.
fn is_one_edit(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let start = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[start..], &b[start..]);
    match a.len().abs_diff(b.len()) {
        0 if a.is_empty() => false,
        0 => a[1..] == b[1..] || (a.len() > 1 && a[0] == b[1] && a[1] == b[0] && a[2..] == b[2..]),
        1 if a.len() > b.len() => a[1..] == *b,
        1 => *a == b[1..],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_with_one_letter_wrong_is_read_as_the_only_known_one_near_it() {
        let known: BTreeSet<String> = ["lambda", "region", "account", "search", "starch"]
            .map(str::to_string)
            .into();
        for (word, expected) in [
            ("lamda", Some("lambda")),
            ("regoin", Some("region")),
            ("acount", Some("account")),
            ("acounnt", None),
            ("sarch", None),
            ("stearch", None),
            ("lambda", None),
        ] {
            let found = nearest(word, &known);
            assert_eq!(found.as_deref(), expected, "{word}");
        }
    }

    #[test]
    fn german_and_spanish_periods_are_read() {
        for (text, english) in [
            ("S3 letzten Monat", "S3 last month"),
            ("EC2 el mes pasado", "EC2 last month"),
            ("Kosten im Mai", "cost in May"),
            ("S3 in May", "S3 in May"),
        ] {
            assert_eq!(translated(&Tokens::of(text)).whole_text(), english);
        }
    }
}
