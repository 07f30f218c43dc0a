//! The tables of the text form, as TOML has them.

use indexmap::IndexMap;
use serde::Deserialize;
use toml::Spanned;

use crate::scenario::{
    Body, ClientCertificate, Credentials, ExpectedConnection, ExpectedPreflight, Issuer,
    LateInHttp2, Mode, Name, ServerCertificate, Trust,
};

/// A text and where it stands.
pub(super) type Text = Spanned<String>;

#[derive(Deserialize)]
pub(super) struct Version {
    pub(super) bareflight: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Document {
    #[serde(rename = "bareflight")]
    pub(super) _version: i64,
    pub(super) title: Option<Text>,
    pub(super) profile: Option<Text>,
    #[serde(default)]
    pub(super) server: IndexMap<Text, ServerTable>,
    #[serde(default)]
    pub(super) identity: IndexMap<Text, IdentityTable>,
    #[serde(default)]
    pub(super) step: Vec<Spanned<StepTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ServerTable {
    pub(super) hosts: Spanned<Vec<Text>>,
    pub(super) ports: Option<Spanned<Vec<u16>>>,
    pub(super) client_certificate: Option<ClientCertificate>,
    pub(super) accepts: Option<Issuer>,
    pub(super) host_rules: Option<IndexMap<Text, ClientCertificate>>,
    pub(super) protected: Option<Spanned<Vec<Text>>>,
    pub(super) protects_preflights: Option<bool>,
    pub(super) late_in_http2: Option<LateInHttp2>,
    pub(super) tls: Option<Spanned<Vec<String>>>,
    pub(super) alpn: Option<Spanned<Vec<String>>>,
    pub(super) tickets: Option<bool>,
    pub(super) ticket_lifetime: Option<Spanned<u32>>,
    pub(super) early_data: Option<bool>,
    pub(super) certificate: Option<ServerCertificate>,
    pub(super) cors: Option<CorsTable>,
    pub(super) redirects: Option<Spanned<IndexMap<Text, Spanned<RedirectValue>>>>,
    pub(super) proxy: Option<Spanned<bool>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CorsTable {
    pub(super) allow_origin: Option<Text>,
    pub(super) allow_credentials: Option<bool>,
    pub(super) allow_methods: Option<Spanned<AllowValue>>,
    pub(super) allow_headers: Option<Spanned<AllowValue>>,
    pub(super) max_age: Option<u32>,
    pub(super) preflight_status: Option<Spanned<u16>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum AllowValue {
    Word(String),
    List(Vec<Name>),
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum RedirectValue {
    To(String),
    With { to: String, status: u16 },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct IdentityTable {
    #[serde(default, rename = "for")]
    pub(super) hosts: Vec<Text>,
    pub(super) issuer: Option<Issuer>,
    pub(super) intermediate_lifetime: Option<Spanned<u32>>,
    pub(super) certificate: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct StepTable {
    pub(super) fetch: Option<Text>,
    pub(super) navigate: Option<Text>,
    pub(super) image: Option<Text>,
    pub(super) websocket: Option<Text>,
    pub(super) preconnect: Option<Text>,
    pub(super) event: Option<Text>,
    pub(super) method: Option<Text>,
    pub(super) headers: Option<Spanned<IndexMap<String, String>>>,
    pub(super) mode: Option<Mode>,
    pub(super) credentials: Option<Credentials>,
    pub(super) body: Option<Body>,
    pub(super) upload_listener: Option<bool>,
    pub(super) from: Option<Text>,
    pub(super) top: Option<Text>,
    pub(super) identity: Option<Text>,
    pub(super) declines: Option<Spanned<bool>>,
    pub(super) trust: Option<Trust>,
    pub(super) server_name: Option<Text>,
    pub(super) via: Option<Text>,
    pub(super) small_records: Option<bool>,
    pub(super) pipelined: Option<bool>,
    pub(super) seconds: Option<Spanned<u32>>,
    pub(super) server: Option<Text>,
    pub(super) client_certificate: Option<ClientCertificate>,
    pub(super) tickets: Option<bool>,
    pub(super) accepts: Option<Issuer>,
    pub(super) tls: Option<Spanned<Vec<String>>>,
    pub(super) overlap: Option<u8>,
    pub(super) expect: Option<ExpectTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ExpectTable {
    pub(super) status: Option<u16>,
    pub(super) error: Option<Text>,
    pub(super) preflight: Option<ExpectedPreflight>,
    pub(super) preflight_client: Option<Text>,
    pub(super) preflight_connection: Option<ExpectedConnection>,
    pub(super) client: Option<Text>,
    pub(super) connection: Option<ExpectedConnection>,
    pub(super) requests: Option<u16>,
    pub(super) prompt: Option<bool>,
}
