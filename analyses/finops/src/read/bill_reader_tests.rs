//! Reading bills in CSV, and the errors of broken ones.

use std::io::Write;

use crate::bill::money;
use crate::read::bill_reader::BillReader;

fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn error(bytes: &[u8]) -> String {
    let file = written(bytes);
    let result = BillReader::open(file.path()).and_then(|mut bill| {
        while bill.next_row()?.is_some() {}
        Ok(())
    });
    let sentence = result.unwrap_err().0;
    let folder = file.path().parent().unwrap().to_string_lossy().into_owned();
    assert!(!sentence.contains(&folder), "{sentence}");
    sentence
}

const HEADER: &str = "ServiceName,BilledCost,Extra,ChargePeriodStart,BillingCurrency,Tags\n";

#[test]
fn plain_and_gzipped_bills_give_the_same_rows() {
    let text = format!(
        "\u{feff}{HEADER}\"Amazon S3\",1.2E-7,x,2024-09-01 00:00:00,USD,NULL\nB,NULL,,2024-09-02,USD,\n"
    );
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    for bytes in [text.as_bytes(), &packed.finish().unwrap()] {
        let file = written(bytes);
        let mut bill = BillReader::open(file.path()).unwrap();
        let row = bill.next_row().unwrap().unwrap();
        assert_eq!((row.line, row.service, row.tags), (2, "Amazon S3", ""));
        assert_eq!(
            row.cost.map(money::exact_text).as_deref(),
            Some("0.00000012")
        );
        assert_eq!(bill.next_row().unwrap().unwrap().cost, None);
        assert!(bill.next_row().unwrap().is_none());
    }
}

#[test]
fn invalid_bills_are_reported_with_line_and_column() {
    assert!(error(b"ServiceName,BilledCost\n").contains("no column ChargePeriodStart"));
    assert!(error(b"").contains("no column BilledCost"));
    let cost = error(format!("{HEADER}A,12 USD,,2024-09-01,USD,\n").as_bytes());
    assert!(cost.contains("line 2: BilledCost is \"12 USD\""), "{cost}");
    let date = error(format!("{HEADER}A,1,,2024-09-01,USD,\nA,1,,soon,USD,\n").as_bytes());
    assert!(
        date.contains("line 3: ChargePeriodStart is \"soon\""),
        "{date}"
    );
    let short = error(format!("{HEADER}A,1\n").as_bytes());
    assert!(
        short.contains("line 2: it has 2 columns where the header has 6"),
        "{short}"
    );
    let bytes = error(&[HEADER.as_bytes(), b"\xff\xfe,1,,2024-09-01,USD,\n"].concat());
    assert!(bytes.contains("not UTF-8"), "{bytes}");
    assert!(error(&[0x1f, 0x8b, 8, 0, 1, 2, 3]).contains("cannot be read further"));
    let gone = BillReader::open(std::path::Path::new("/nowhere/gone.csv"))
        .err()
        .unwrap()
        .0;
    assert_eq!(
        gone,
        "The bill gone.csv cannot be opened: entity not found."
    );
}
