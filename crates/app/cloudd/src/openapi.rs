//! The API's routes, each with what it takes, answers and needs: from one table the rights are enforced and the OpenAPI
//! document is made, so that neither can forget a route that the other has.

use crate::caller::Right;
use crate::failure::ErrorBody;
use crate::http::Shared;
use axum::Router;
use axum::http::Method;
use axum::routing::MethodRouter;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What a route needs of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing: it is how one gets in.
    Nothing,
    /// This right or a higher one.
    Right(Right),
}

type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// One route and method.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    method: Method,
    path: &'static str,
    needs: Needs,
    summary: &'static str,
    query: Option<SchemaOf>,
    takes: Option<SchemaOf>,
    answers: Option<SchemaOf>,
    media_type: &'static str,
}

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

impl Operation {
    /// A route that only looks.
    pub(crate) fn get(path: &'static str, needs: Needs, summary: &'static str) -> Self {
        Self::new(Method::GET, path, needs, summary)
    }

    /// A route with any method.
    pub(crate) fn new(method: Method, path: &'static str, needs: Needs, summary: &'static str) -> Self {
        let (query, takes, answers) = (None, None, None);
        Self { method, path, needs, summary, query, takes, answers, media_type: "application/json" }
    }

    /// What its query may have.
    pub(crate) fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(schema_of::<T>);
        self
    }

    /// The body that it takes, JSON.
    pub(crate) fn takes<T: JsonSchema>(mut self) -> Self {
        self.takes = Some(schema_of::<T>);
        self
    }

    /// The body that it answers, JSON.
    pub(crate) fn answers<T: JsonSchema>(mut self) -> Self {
        self.answers = Some(schema_of::<T>);
        self
    }

    /// It becomes a WebSocket.
    pub(crate) const fn upgrades(mut self) -> Self {
        self.media_type = "upgrade";
        self
    }

    /// It sends the browser elsewhere.
    pub(crate) const fn redirects(mut self) -> Self {
        self.media_type = "";
        self
    }

    /// It answers something else than JSON of a schema.
    pub(crate) const fn answers_type(mut self, media_type: &'static str) -> Self {
        self.media_type = media_type;
        self
    }
}

/// Routes with their descriptions.
#[derive(Debug, Default)]
pub(crate) struct Api {
    router: Router<Shared>,
    operations: Vec<Operation>,
}

impl Api {
    /// Adds a route.
    #[must_use]
    pub(crate) fn on(mut self, operation: Operation, handler: MethodRouter<Shared>) -> Self {
        self.router = self.router.route(operation.path, handler);
        self.operations.push(operation);
        self
    }

    /// Adds another part's routes.
    #[must_use]
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.operations.extend(other.operations);
        self
    }

    /// Describes routes that are added to the router by themselves.
    #[must_use]
    #[allow(dead_code, reason = "for parts that bring a router of their own")]
    pub(crate) fn describe(mut self, operations: impl IntoIterator<Item = Operation>) -> Self {
        self.operations.extend(operations);
        self
    }

    /// The router, the table and the document.
    pub(crate) fn finish(self) -> (Router<Shared>, Table, Value) {
        let document = document(&self.operations);
        let mut table = Table::default();
        for operation in self.operations {
            table.0.entry(operation.path).or_default().push((operation.method, operation.needs));
        }
        (self.router, table, document)
    }
}

/// What each route needs.
#[derive(Debug, Default)]
pub(crate) struct Table(BTreeMap<&'static str, Vec<(Method, Needs)>>);

impl Table {
    /// What a route of the router needs; what has no line is for admins alone.
    pub(crate) fn needs(&self, method: &Method, route: &str) -> Needs {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let line = self.0.get(route).and_then(|methods| methods.iter().find(|(found, _)| found == method));
        line.map_or(Needs::Right(Right::Admin), |(_, needs)| *needs)
    }

    /// The methods of a route, for `Allow`, if it is known but not with this method.
    pub(crate) fn other_methods(&self, method: &Method, route: &str) -> Option<String> {
        let methods = self.0.get(route)?;
        let known =
            methods.iter().any(|(found, _)| found == method || (method == Method::HEAD && found == Method::GET));
        let names = methods.iter().map(|(method, _)| method.as_str());
        (!known).then(|| names.collect::<Vec<_>>().join(", "))
    }
}

/// The document, OpenAPI 3.1: its schemas are JSON Schema 2020-12 as they are.
fn document(operations: &[Operation]) -> Value {
    let settings = || {
        SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
    };
    let mut answers = settings().for_serialize().into_generator();
    let mut requests = settings().for_deserialize().into_generator();
    let error = answers.subschema_for::<ErrorBody>();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for operation in operations {
        let described = describe(operation, &error, &mut answers, &mut requests);
        paths.entry(operation.path).or_default().insert(operation.method.as_str().to_lowercase(), described);
    }
    let mut schemas = requests.take_definitions(true);
    schemas.extend(answers.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Jiangxin cloud",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What the cloud of a vehicle-road cooperative system answers over HTTP on loopback. Positions \
                are WGS 84 degrees, times UTC in milliseconds since the Unix epoch. `x-right` is the right that an \
                operation needs. A change by a session's cookie takes the header `X-Jxz-Request`, with any value.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "A token made on the console." },
                "session": { "type": "apiKey", "in": "cookie", "name": "jxz_session" },
            },
        },
    })
}

fn describe(
    operation: &Operation,
    error: &Schema,
    answers: &mut SchemaGenerator,
    requests: &mut SchemaGenerator,
) -> Value {
    let mut parameters: Vec<Value> = names_in(operation.path)
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    parameters.extend(operation.query.map(|query| query_parameters(&query(requests), requests)).unwrap_or_default());
    let answer = operation.answers.map_or_else(|| json!({}), |schema| schema(answers).into());
    let good = match (operation.media_type, operation.answers) {
        ("", _) => json!({ "303": { "description": "go on to `Location`" } }),
        ("upgrade", _) => json!({ "101": { "description": "frames follow; closed with 4401 when the session ends" } }),
        ("application/json", None) => json!({ "204": { "description": "done" } }),
        (kind, _) => json!({ "200": { "description": "answered", "content": { kind: { "schema": answer } } } }),
    };
    let mut responses = good;
    responses["default"] =
        json!({ "description": "refused or failed", "content": { "application/json": { "schema": error } } });
    let mut described = json!({
        "operationId": operation_id(operation),
        "summary": operation.summary,
        "tags": [operation.path.split('/').nth(3).unwrap_or("other")],
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(takes) = operation.takes {
        let schema: Value = takes(requests).into();
        described["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    match operation.needs {
        Needs::Nothing => described["security"] = json!([]),
        Needs::Right(right) => {
            described["security"] = json!([{ "token": [] }, { "session": [] }]);
            described["x-right"] = json!(right.name());
        }
    }
    described
}

fn names_in(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn operation_id(operation: &Operation) -> String {
    let parts = operation.path.trim_start_matches("/api/v1/").split(['/', '.', '-']);
    let parts = parts.map(|part| part.trim_matches(['{', '}'])).filter(|part| !part.is_empty());
    let parts: Vec<&str> = std::iter::once(operation.method.as_str()).chain(parts).collect();
    parts.join("_").to_lowercase()
}

/// The fields of a query's struct, each a parameter.
fn query_parameters(schema: &Schema, generator: &SchemaGenerator) -> Vec<Value> {
    let schema = schema.as_value();
    let name = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    let schema = name.and_then(|name| generator.definitions().get(name)).unwrap_or(schema);
    let required = |name: &String| schema["required"].as_array().is_some_and(|all| all.iter().any(|r| r == name));
    let fields = schema["properties"].as_object().into_iter().flatten();
    fields
        .map(|(name, schema)| {
            let description = schema["description"].as_str().unwrap_or_default();
            json!({
                "name": name, "in": "query", "required": required(name), "description": description, "schema": schema,
            })
        })
        .collect()
}
