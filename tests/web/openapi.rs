//! The description of the API, held against what is really answered.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Stage, with_one_dead_delivery};
use crate::support::bridge::Setup;
use crate::support::sink::Sink;

#[tokio::test]
async fn every_answer_is_as_described() {
    let sink = Sink::start().await;
    let setup = Setup::everything_to(&sink).source("callback_key = { env = \"KEY\" }");
    let (stage, id) =
        with_one_dead_delivery(&sink, setup.var("KEY", "k".repeat(20).as_str())).await;
    let described = stage.json("/api/v1/openapi.json").await;
    stage.bridge.run("agent");
    sink.wait_for(2).await;
    stage.bridge.looked().await;

    let mut seen = Vec::new();
    for (path, operations) in described["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let filled = path.replace("{id}", &id).replace("{source}", "main");
            if filled.ends_with("/stream") {
                continue;
            }
            let filled = match filled.starts_with("/callback") {
                true => format!("{filled}?key={}", "k".repeat(20)),
                false => filled,
            };
            seen.push(answered_as_described(&stage, &described, path, method, &filled).await);
        }
    }
    for (path, method, asked) in [
        ("/api/v1/jobs", "get", "/api/v1/jobs?limit=0"),
        ("/api/v1/deliveries/{id}", "get", "/api/v1/deliveries/00"),
        ("/api/v1/deliveries/{id}/retry", "post", "/api/v1/deliveries/00/retry"),
        ("/callback/{source}", "post", "/callback/main?key=x"),
    ] {
        seen.push(answered_as_described(&stage, &described, path, method, asked).await);
    }

    for status in [200, 201, 202, 400, 401, 404] {
        assert!(seen.contains(&status), "{status}: {seen:?}");
    }
}

async fn answered_as_described(
    stage: &Stage,
    described: &Value,
    path: &str,
    method: &str,
    asked: &str,
) -> u16 {
    let verb: Method = method.to_uppercase().parse().unwrap();
    let mut request = stage.request(verb, asked);
    if method == "post" {
        let body = match path {
            "/api/v1/silences" => {
                json!({"for": "1h", "comment": "c", "matchers": ["job.job_id=x"]})
            }
            _ => json!({"job_id": "j"}),
        };
        request = request.body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let responses = &described["paths"][path][method]["responses"];
    let response = &responses[status.to_string()];
    assert!(response.is_object(), "{method} {asked}: {status} is not described");
    let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    let text = answer.text().await.unwrap();
    let Some(content) = response.get("content") else {
        assert_eq!((kind, text.as_str()), (None, ""), "{method} {asked}");
        return status;
    };
    let kind = kind.unwrap();
    let plain = kind.split(';').next().unwrap();
    let schema = &content[plain]["schema"];
    assert!(schema.is_object(), "{method} {asked}: {kind} is not described");
    if plain.ends_with("json") {
        let document: Value = serde_json::from_str(&text).unwrap();
        let faults = faults(&document, schema, described, asked);
        assert!(faults.is_empty(), "{faults:#?}\n{document:#}");
    }
    status
}

/// What is wrong with a value by a schema: enough of the vocabulary for ours, and anything else
/// is a failure.
fn faults(value: &Value, schema: &Value, root: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (word, rule) in schema.as_object().unwrap() {
        match word.as_str() {
            "$ref" => {
                let path = rule.as_str().unwrap().trim_start_matches('#');
                found.extend(faults(value, root.pointer(path).unwrap(), root, at));
            }
            "type" => {
                let kinds = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
                if !kinds.iter().any(|kind| is_of(value, kind.as_str().unwrap())) {
                    found.push(format!("{at}: {value} is not {rule}"));
                }
            }
            "enum" if !rule.as_array().unwrap().contains(value) => {
                found.push(format!("{at}: {value} is not one of {rule}"));
            }
            "required" => {
                let names = rule.as_array().unwrap().iter().filter_map(Value::as_str);
                let missing = names.filter(|name| value.get(*name).is_none());
                found.extend(missing.map(|name| format!("{at}: {name} is missing")));
            }
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    found.extend(faults(item, rule, root, at));
                }
            }
            "properties" => {
                for (name, inner) in value.as_object().into_iter().flatten() {
                    if let Some(rule) = rule.get(name) {
                        found.extend(faults(inner, rule, root, &format!("{at}.{name}")));
                    }
                }
            }
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                for (name, inner) in value.as_object().into_iter().flatten() {
                    let known = known.is_some_and(|known| known.contains_key(name));
                    match rule {
                        _ if known => {}
                        Value::Bool(true) => {}
                        Value::Bool(false) => found.push(format!("{at}: unknown {name}")),
                        rule => found.extend(faults(inner, rule, root, &format!("{at}.{name}"))),
                    }
                }
            }
            "format" => {
                if let (Some("date-time"), Some(text)) = (rule.as_str(), value.as_str())
                    && text.parse::<jiff::Timestamp>().is_err()
                {
                    found.push(format!("{at}: {text} is no time"));
                }
            }
            "enum" | "description" => {}
            other => found.push(format!("{at}: this test does not know `{other}`")),
        }
    }
    found
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        _ => false,
    }
}
