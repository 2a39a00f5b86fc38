//! CloudWatch Logs: reads the log groups of the stack's functions, from their log files.
//!
//! A group is there for each function, and a stream for each of its execution environments. Logs are written by the
//! functions only, and are searched from the beginning: there is no index.

mod filter_pattern;
mod log_file;

use std::collections::BTreeMap;
use std::path::PathBuf;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::aws_call::Service;
use crate::error_response::error_response;
use crate::permissions::RequiredPermission;
use crate::stack_spec::{ACCOUNT, Function, REGION};
use filter_pattern::FilterPattern;
use log_file::{LogEvent, LogReader};

/// The name of a function's group begins with this.
const GROUP_PREFIX: &str = "/aws/lambda/";
/// The largest page of events (API Reference of CloudWatch Logs).
const MAX_EVENTS: usize = 10_000;
const MAX_PAGE_BYTES: usize = 1 << 20;

/// The functions' logs. Clones share them.
#[derive(Clone)]
pub struct CloudWatchLogs {
    folder: PathBuf,
    functions: Vec<String>,
}

/// The fields of all requests that are read here.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LogsRequest {
    log_group_name: Option<String>,
    /// A name or an ARN.
    log_group_identifier: Option<String>,
    log_group_name_prefix: Option<String>,
    log_stream_name: Option<String>,
    log_stream_names: Option<Vec<String>>,
    log_stream_name_prefix: Option<String>,
    /// Milliseconds since the epoch.
    start_time: Option<i64>,
    end_time: Option<i64>,
    filter_pattern: Option<String>,
    start_from_head: bool,
    limit: Option<usize>,
    next_token: Option<String>,
}

/// The code and the message of an error.
type CallError = (&'static str, String);

/// The permission that a call needs.
pub fn required_for_logs(operation: &str, body: &[u8]) -> Vec<RequiredPermission> {
    let request: LogsRequest = serde_json::from_slice(body).unwrap_or_default();
    let group = request.group().unwrap_or("*");
    vec![RequiredPermission {
        action: format!("logs:{operation}"),
        resource: format!("{}:*", group_arn(group)),
        prefix: None,
    }]
}

impl CloudWatchLogs {
    /// `folder` has a file `<function>.log` for each function that has run.
    pub fn new(functions: &[Function], folder: PathBuf) -> Self {
        let functions = functions.iter().map(|function| function.name.clone());
        Self {
            folder,
            functions: functions.collect(),
        }
    }

    pub fn call(&self, operation: &str, body: &[u8]) -> Response {
        let performed = match serde_json::from_slice(body) {
            Ok(request) => self.perform(operation, &request),
            Err(error) => Err(("SerializationException", error.to_string())),
        };
        match performed {
            Ok(response) => {
                let headers = [("content-type", "application/x-amz-json-1.1")];
                (headers, response.to_string()).into_response()
            }
            Err((code, message)) => {
                error_response(Service::Logs, StatusCode::BAD_REQUEST, code, &message)
            }
        }
    }

    fn perform(&self, operation: &str, request: &LogsRequest) -> Result<Value, CallError> {
        match operation {
            "DescribeLogGroups" => Ok(self.describe_groups(request)),
            "DescribeLogStreams" => self.describe_streams(request),
            "GetLogEvents" => self.get_events(request),
            "FilterLogEvents" => self.filter_events(request),
            _ => {
                let message = format!("The embedded CloudWatch Logs does not have {operation}.");
                Err(("UnknownOperationException", message))
            }
        }
    }

    fn describe_groups(&self, request: &LogsRequest) -> Value {
        let prefix = request.log_group_name_prefix.as_deref().unwrap_or_default();
        let groups = self
            .functions
            .iter()
            .map(|name| format!("{GROUP_PREFIX}{name}"));
        let groups = groups.filter(|group| group.starts_with(prefix));
        let described = groups.map(|group| {
            let arn = group_arn(&group);
            json!({"logGroupName": group, "arn": format!("{arn}:*"), "logGroupArn": arn})
        });
        json!({"logGroups": described.collect::<Vec<_>>()})
    }

    fn describe_streams(&self, request: &LogsRequest) -> Result<Value, CallError> {
        let prefix = request
            .log_stream_name_prefix
            .as_deref()
            .unwrap_or_default();
        let mut streams: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        let mut names = StreamNames::default();
        let mut log = self.open(request, 0)?;
        while let Some(event) = log.next().map_err(unreadable)? {
            let at = event.at.as_millisecond();
            let times = streams.entry(names.of(&event)).or_insert((at, at));
            times.1 = at;
        }
        let group = request.group().unwrap_or_default();
        let described = streams.iter().filter(|(name, _)| name.starts_with(prefix));
        let described = described.map(|(name, (first, last))| {
            json!({"logStreamName": name, "creationTime": first, "firstEventTimestamp": first,
                "lastEventTimestamp": last, "lastIngestionTime": last, "storedBytes": 0,
                "arn": format!("{}:log-stream:{name}", group_arn(group))})
        });
        Ok(json!({"logStreams": described.collect::<Vec<_>>()}))
    }

    /// The events of one stream: the latest, or those from the token on.
    fn get_events(&self, request: &LogsRequest) -> Result<Value, CallError> {
        let stream = request.log_stream_name.as_deref().ok_or_else(|| {
            let message = "The parameter logStreamName is required.".to_owned();
            ("InvalidParameterException", message)
        })?;
        let mut names = StreamNames::default();
        let (mut events, mut is_known) = (vec![], false);
        let mut log = self.open(request, 0)?;
        while let Some(event) = log.next().map_err(unreadable)? {
            if names.is(&event, stream) {
                is_known = true;
                if request.is_within(&event) {
                    events.push(event);
                }
            }
        }
        if !is_known {
            return Err(absent("log stream"));
        }
        // Tokens are positions in the stream: f/<n> continues after n events, b/<n> before them.
        let (direction, position) = match request.next_token.as_deref() {
            Some(token) => token
                .split_once('/')
                .and_then(|(direction, position)| Some((direction, position.parse().ok()?)))
                .filter(|(direction, _)| ["f", "b"].contains(direction))
                .ok_or_else(invalid_token)?,
            None if request.start_from_head => ("f", 0),
            None => ("b", events.len()),
        };
        let position = position.min(events.len());
        let (from, to) = match direction {
            "f" => {
                let length = page_length(events[position..].iter(), request.limit());
                (position, position + length)
            }
            _ => {
                let length = page_length(events[..position].iter().rev(), request.limit());
                (position - length, position)
            }
        };
        let page: Vec<Value> = events[from..to].iter().map(to_json).collect();
        Ok(
            json!({"events": page, "nextForwardToken": format!("f/{to}"), "nextBackwardToken": format!("b/{from}")}),
        )
    }

    /// The events of all streams, or of the named ones, that match the pattern.
    fn filter_events(&self, request: &LogsRequest) -> Result<Value, CallError> {
        let pattern = request.filter_pattern.as_deref().unwrap_or_default();
        let pattern = FilterPattern::parse(pattern).map_err(|problem| {
            (
                "InvalidParameterException",
                format!("Invalid filter pattern: {problem}."),
            )
        })?;
        // A token is where the next page begins in the file.
        let offset = match &request.next_token {
            Some(token) => token.parse().map_err(|_| invalid_token())?,
            None => 0,
        };
        let mut names = StreamNames::default();
        let (mut page, mut bytes, mut end) = (vec![], 0, offset);
        let mut log = self.open(request, offset)?;
        let mut is_complete = true;
        while let Some(event) = log.next().map_err(unreadable)? {
            let stream = names.of(&event);
            if !request.is_within(&event)
                || !request.has_stream(&stream)
                || !pattern.matches(event.message.trim_end())
            {
                end = event.end;
                continue;
            }
            bytes += event.message.len();
            if page.len() == request.limit() || (bytes > MAX_PAGE_BYTES && !page.is_empty()) {
                is_complete = false;
                break;
            }
            end = event.end;
            let mut found = to_json(&event);
            found["logStreamName"] = stream.into();
            found["eventId"] = format!("{:056}", event.end).into();
            page.push(found);
        }
        let mut response = json!({"events": page, "searchedLogStreams": []});
        if !is_complete {
            response["nextToken"] = end.to_string().into();
        }
        Ok(response)
    }

    /// The log of the request's group, from this byte on.
    fn open(&self, request: &LogsRequest, offset: u64) -> Result<LogReader, CallError> {
        let group = request.group().ok_or_else(|| {
            let message = "The parameter logGroupName is required.".to_owned();
            ("InvalidParameterException", message)
        })?;
        let function = group.strip_prefix(GROUP_PREFIX);
        let function = function.filter(|name| self.functions.iter().any(|known| known == name));
        let function = function.ok_or_else(|| absent("log group"))?;
        LogReader::open(&self.folder.join(format!("{function}.log")), offset).map_err(unreadable)
    }
}

impl LogsRequest {
    /// The group's name.
    fn group(&self) -> Option<&str> {
        let named = self.log_group_name.as_deref();
        let group = named.or(self.log_group_identifier.as_deref())?;
        // In an ARN, the name follows `arn:aws:logs:region:account:log-group:`.
        let name = match group.starts_with("arn:") {
            true => group.splitn(7, ':').nth(6)?,
            false => group,
        };
        Some(name.strip_suffix(":*").unwrap_or(name))
    }

    fn is_within(&self, event: &LogEvent) -> bool {
        let at = event.at.as_millisecond();
        self.start_time.is_none_or(|start| at >= start) && self.end_time.is_none_or(|end| at < end)
    }

    fn has_stream(&self, stream: &str) -> bool {
        let prefix = self.log_stream_name_prefix.as_deref().unwrap_or_default();
        let names = self.log_stream_names.as_deref();
        stream.starts_with(prefix)
            && names.is_none_or(|names| names.iter().any(|name| is_stream(stream, name)))
    }

    fn limit(&self) -> usize {
        self.limit.unwrap_or(MAX_EVENTS).clamp(1, MAX_EVENTS)
    }
}

/// The names of streams: `<date>/[$LATEST]<environment>`, with the date of the stream's first event.
#[derive(Default)]
struct StreamNames(BTreeMap<String, String>);

impl StreamNames {
    fn of(&mut self, event: &LogEvent) -> String {
        let name = self.0.entry(event.environment.clone()).or_insert_with(|| {
            let date = event.at.strftime("%Y/%m/%d");
            format!("{date}/[$LATEST]{}", event.environment)
        });
        name.clone()
    }

    fn is(&mut self, event: &LogEvent, wanted: &str) -> bool {
        is_stream(&self.of(event), wanted)
    }
}

/// Whether a stream has this name. The log has only the first part of an environment's id, and the function's own
/// variable AWS_LAMBDA_LOG_STREAM_NAME the whole.
fn is_stream(stream: &str, wanted: &str) -> bool {
    wanted.starts_with(stream)
}

/// How many of the events fit on one page.
fn page_length<'e>(events: impl Iterator<Item = &'e LogEvent>, limit: usize) -> usize {
    let mut bytes = 0;
    let fits = |(n, event): &(usize, &LogEvent)| {
        bytes += event.message.len();
        *n == 0 || (*n < limit && bytes <= MAX_PAGE_BYTES)
    };
    events.enumerate().take_while(fits).count()
}

fn to_json(event: &LogEvent) -> Value {
    let at = event.at.as_millisecond();
    json!({"timestamp": at, "ingestionTime": at, "message": event.message})
}

fn group_arn(group: &str) -> String {
    format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}")
}

fn absent(what: &str) -> CallError {
    let message = format!("The specified {what} does not exist.");
    ("ResourceNotFoundException", message)
}

fn invalid_token() -> CallError {
    let message = "The specified nextToken is invalid.".to_owned();
    ("InvalidParameterException", message)
}

fn unreadable(error: std::io::Error) -> CallError {
    let message = format!("The function's log can't be read: {error}");
    ("ServiceUnavailableException", message)
}
