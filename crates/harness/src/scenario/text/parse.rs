//! From TOML to a scenario.

use core::ops::Range;

use bareflight_policy::{
    HeaderName, HeaderValue, Method, PROFILES, Profile, is_forbidden_request_header,
};
use indexmap::IndexMap;
use serde::Deserialize;
use toml::Spanned;
use url::Url;

use super::TextError;
use crate::scenario::fixup::{fixup_fetch, is_host, is_origin, is_path, is_plain};
use crate::scenario::{
    Action, AllowList, AllowOrigin, Alpn, Body, ClientCertificate, Cors, Credentials, Exchange,
    Expect, ExpectedClient, ExpectedConnection, ExpectedOutcome, ExpectedPreflight, FORMAT,
    Identity, Kind, Limits, Mode, Name, Redirect, Scenario, Server, ServerCertificate, Step,
    Target, TlsVersions, Trust, WorldEvent,
};

pub(super) fn parse(text: &str) -> Result<Scenario, TextError> {
    Reader { text }.scenario()
}

type Text = Spanned<String>;

#[derive(Deserialize)]
struct Version {
    bareflight: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Document {
    #[serde(rename = "bareflight")]
    _version: i64,
    title: Option<Text>,
    profile: Option<Text>,
    #[serde(default)]
    server: IndexMap<Text, ServerTable>,
    #[serde(default)]
    identity: IndexMap<Text, IdentityTable>,
    #[serde(default)]
    step: Vec<Spanned<StepTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ServerTable {
    hosts: Spanned<Vec<Text>>,
    ports: Option<Spanned<Vec<u16>>>,
    client_certificate: Option<ClientCertificate>,
    tls: Option<Spanned<Vec<String>>>,
    alpn: Option<Spanned<Vec<String>>>,
    tickets: Option<bool>,
    ticket_lifetime: Option<Spanned<u32>>,
    certificate: Option<ServerCertificate>,
    cors: Option<CorsTable>,
    redirects: Option<Spanned<IndexMap<Text, Spanned<RedirectValue>>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CorsTable {
    allow_origin: Option<Text>,
    allow_credentials: Option<bool>,
    allow_methods: Option<Spanned<AllowValue>>,
    allow_headers: Option<Spanned<AllowValue>>,
    max_age: Option<u32>,
    preflight_status: Option<Spanned<u16>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AllowValue {
    Word(String),
    List(Vec<Name>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RedirectValue {
    To(String),
    With { to: String, status: u16 },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct IdentityTable {
    #[serde(default, rename = "for")]
    hosts: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct StepTable {
    fetch: Option<Text>,
    navigate: Option<Text>,
    image: Option<Text>,
    websocket: Option<Text>,
    preconnect: Option<Text>,
    event: Option<Text>,
    method: Option<Text>,
    headers: Option<Spanned<IndexMap<String, String>>>,
    mode: Option<Mode>,
    credentials: Option<Credentials>,
    body: Option<Body>,
    upload_listener: Option<bool>,
    from: Option<Text>,
    top: Option<Text>,
    identity: Option<Text>,
    trust: Option<Trust>,
    seconds: Option<Spanned<u32>>,
    server: Option<Text>,
    client_certificate: Option<ClientCertificate>,
    overlap: Option<u8>,
    expect: Option<ExpectTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ExpectTable {
    status: Option<u16>,
    error: Option<Text>,
    preflight: Option<ExpectedPreflight>,
    preflight_client: Option<Text>,
    preflight_connection: Option<ExpectedConnection>,
    client: Option<Text>,
    connection: Option<ExpectedConnection>,
    requests: Option<u16>,
    prompt: Option<bool>,
}

struct Reader<'t> {
    text: &'t str,
}

impl Reader<'_> {
    fn scenario(&self) -> Result<Scenario, TextError> {
        if self.text.len() > Limits::FILE {
            return Err(self.error(
                None,
                format!(
                    "this text has {} bytes; at most {} are read",
                    self.text.len(),
                    Limits::FILE
                ),
            ));
        }
        self.version()?;
        let document: Document = toml::from_str(self.text).map_err(|error| self.toml(&error))?;
        let mut scenario = Scenario {
            title: self.title(document.title)?,
            profile: self.profile(document.profile)?,
            servers: Vec::new(),
            identities: Vec::new(),
            steps: Vec::new(),
        };
        self.at_most(document.server.len(), Limits::SERVERS, "servers", None)?;
        self.at_most(
            document.identity.len(),
            Limits::IDENTITIES,
            "identities",
            None,
        )?;
        self.at_most(document.step.len(), Limits::STEPS, "steps", None)?;
        let mut redirects = Vec::new();
        for (name, mut table) in document.server {
            redirects.push(table.redirects.take());
            let server = self.server(&name, table)?;
            self.endpoints_are_free(&scenario, &server, &name)?;
            scenario.servers.push(server);
        }
        if scenario.servers.is_empty() {
            return Err(self.error(
                None,
                "a world needs a server: add `[server.NAME]` with `hosts = [\"…\"]`",
            ));
        }
        for (index, table) in redirects.into_iter().enumerate() {
            let table = table
                .map(|table| self.redirects(&scenario, table))
                .transpose()?;
            scenario.servers[index].redirects = table.unwrap_or_default();
        }
        for (name, table) in document.identity {
            let identity = self.identity(&name, &table)?;
            scenario.identities.push(identity);
        }
        for table in document.step {
            let step = self.step(&scenario, table)?;
            scenario.steps.push(step);
        }
        Ok(scenario)
    }

    /// The version is looked at before anything else: a later format may have keys that this one does not know.
    fn version(&self) -> Result<(), TextError> {
        let version: Version = toml::from_str(self.text).map_err(|error| self.toml(&error))?;
        match version.bareflight {
            Some(version) if *version.get_ref() == i64::from(FORMAT) => Ok(()),
            Some(version) => Err(self.error(
                Some(version.span()),
                format!(
                    "this scenario is of format {}; this bareflight reads format {FORMAT}",
                    version.get_ref()
                ),
            )),
            None => Err(self.error(
                None,
                format!("the version of the format is missing: begin with `bareflight = {FORMAT}`"),
            )),
        }
    }

    fn title(&self, title: Option<Text>) -> Result<String, TextError> {
        let Some(title) = title else {
            return Ok(String::new());
        };
        self.at_most(
            title.get_ref().len(),
            Limits::TITLE,
            "bytes of title",
            Some(title.span()),
        )?;
        Ok(title.into_inner())
    }

    fn profile(&self, profile: Option<Text>) -> Result<Name, TextError> {
        let Some(profile) = profile else {
            return Ok(Scenario::DEFAULT_PROFILE);
        };
        if Profile::from_name(profile.get_ref()).is_none() {
            let known: Vec<_> = PROFILES.iter().map(|profile| profile.name).collect();
            return Err(self.error(
                Some(profile.span()),
                format!(
                    "there is no profile `{}`; there are {}",
                    profile.get_ref(),
                    known.join(", ")
                ),
            ));
        }
        Ok(Name::from(profile.into_inner()))
    }

    fn server(&self, name: &Text, table: ServerTable) -> Result<Server, TextError> {
        let default = Server::default();
        let at = table.hosts.span();
        let hosts = table.hosts.into_inner();
        self.at_most(hosts.len(), Limits::HOSTS, "hosts", Some(at.clone()))?;
        if hosts.is_empty() {
            return Err(self.error(Some(at), "a server needs at least one host"));
        }
        let mut names: Vec<Name> = Vec::new();
        for host in &hosts {
            let host = self.host(host)?;
            if !names.contains(&host) {
                names.push(host);
            }
        }
        Ok(Server {
            name: self.plain_name(name)?,
            hosts: names,
            ports: table
                .ports
                .map_or(Ok(default.ports), |ports| self.ports(ports))?,
            client_certificate: table.client_certificate.unwrap_or_default(),
            tls: table.tls.map_or(Ok(default.tls), |tls| self.tls(&tls))?,
            alpn: table
                .alpn
                .map_or(Ok(default.alpn), |alpn| self.alpn(&alpn))?,
            tickets: table.tickets.unwrap_or(default.tickets),
            ticket_lifetime: table
                .ticket_lifetime
                .map_or(Ok(default.ticket_lifetime), |it| self.ticket_lifetime(&it))?,
            certificate: table.certificate.unwrap_or_default(),
            cors: table
                .cors
                .map_or(Ok(default.cors), |cors| self.cors(cors))?,
            redirects: Vec::new(),
        })
    }

    fn endpoints_are_free(
        &self,
        scenario: &Scenario,
        server: &Server,
        name: &Text,
    ) -> Result<(), TextError> {
        if scenario
            .servers
            .iter()
            .any(|other| other.name == server.name)
        {
            return Err(self.error(
                Some(name.span()),
                format!("there are two servers `{}`", server.name),
            ));
        }
        for host in &server.hosts {
            for port in &server.ports {
                if let Some((other, _)) = scenario.server_of(host, *port) {
                    return Err(self.error(
                        Some(name.span()),
                        format!(
                            "`{}` and `{}` both serve `{host}` on port {port}; give one of them other `ports`",
                            scenario.servers[other].name, server.name
                        ),
                    ));
                }
            }
        }
        Ok(())
    }

    fn ports(&self, ports: Spanned<Vec<u16>>) -> Result<Vec<u16>, TextError> {
        let at = ports.span();
        let mut ports = ports.into_inner();
        self.at_most(ports.len(), Limits::PORTS, "ports", Some(at.clone()))?;
        if ports.is_empty() || ports.contains(&0) {
            return Err(self.error(
                Some(at),
                "a server needs at least one port, from 1 to 65535",
            ));
        }
        let mut seen = Vec::new();
        ports.retain(|port| {
            !seen.contains(port) && {
                seen.push(*port);
                true
            }
        });
        Ok(ports)
    }

    fn tls(&self, versions: &Spanned<Vec<String>>) -> Result<TlsVersions, TextError> {
        let has = |version: &str| versions.get_ref().iter().any(|v| v == version);
        let known = versions.get_ref().iter().all(|v| v == "1.2" || v == "1.3");
        match (known, has("1.2"), has("1.3")) {
            (true, true, true) => Ok(TlsVersions::Both),
            (true, true, false) => Ok(TlsVersions::Tls12),
            (true, false, true) => Ok(TlsVersions::Tls13),
            _ => Err(self.error(
                Some(versions.span()),
                "`tls` is a list of \"1.2\" and \"1.3\"",
            )),
        }
    }

    fn alpn(&self, protocols: &Spanned<Vec<String>>) -> Result<Alpn, TextError> {
        let has = |protocol: &str| protocols.get_ref().iter().any(|p| p == protocol);
        let known = protocols
            .get_ref()
            .iter()
            .all(|p| p == "h2" || p == "http/1.1");
        match (known, has("h2"), has("http/1.1")) {
            (true, true, true) => Ok(Alpn::Both),
            (true, true, false) => Ok(Alpn::H2),
            (true, false, true) => Ok(Alpn::Http1),
            _ => Err(self.error(
                Some(protocols.span()),
                "`alpn` is a list of \"h2\" and \"http/1.1\"",
            )),
        }
    }

    fn cors(&self, table: CorsTable) -> Result<Cors, TextError> {
        let default = Cors::default();
        let allow_origin = table
            .allow_origin
            .map_or(Ok(default.allow_origin), |value| self.allow_origin(&value))?;
        let preflight_status = match table.preflight_status {
            None => default.preflight_status,
            Some(status) if (200..=599).contains(status.get_ref()) => status.into_inner(),
            Some(status) => {
                return Err(self.error(
                    Some(status.span()),
                    "`preflight-status` is a final status, from 200 to 599",
                ));
            }
        };
        Ok(Cors {
            allow_origin,
            allow_credentials: table.allow_credentials.unwrap_or(default.allow_credentials),
            allow_methods: self.allow(table.allow_methods, default.allow_methods)?,
            allow_headers: self.allow(table.allow_headers, default.allow_headers)?,
            max_age: table.max_age,
            preflight_status,
        })
    }

    fn allow_origin(&self, value: &Text) -> Result<AllowOrigin, TextError> {
        match value.get_ref().as_str() {
            "reflect" => Ok(AllowOrigin::Reflect),
            "none" => Ok(AllowOrigin::Absent),
            written if is_value(written.as_bytes()) => Ok(AllowOrigin::Exactly(self.name(value)?)),
            written => Err(self.error(
                Some(value.span()),
                format!("`{written}` is neither \"reflect\" nor \"none\" nor a header's value such as https://app.test"),
            )),
        }
    }

    fn allow(
        &self,
        value: Option<Spanned<AllowValue>>,
        default: AllowList,
    ) -> Result<AllowList, TextError> {
        let Some(value) = value else {
            return Ok(default);
        };
        let at = value.span();
        match value.into_inner() {
            AllowValue::Word(word) if word == "reflect" => Ok(AllowList::Reflect),
            AllowValue::Word(word) if word == "*" => {
                Ok(AllowList::Exactly(vec![Name::const_new("*")]))
            }
            AllowValue::Word(word) => Err(self.error(
                Some(at),
                format!("`{word}` is neither \"reflect\" nor \"*\" nor a list of names"),
            )),
            AllowValue::List(list) => {
                self.at_most(list.len(), Limits::ALLOWED, "values", Some(at.clone()))?;
                match list
                    .iter()
                    .find(|name| !is_token(name.as_bytes()) || name.len() > Limits::NAME)
                {
                    Some(name) => Err(self.error(
                        Some(at),
                        format!("`{name}` is not the name of a method or of a header"),
                    )),
                    None => Ok(AllowList::Exactly(list)),
                }
            }
        }
    }

    fn redirects(
        &self,
        scenario: &Scenario,
        table: Spanned<IndexMap<Text, Spanned<RedirectValue>>>,
    ) -> Result<Vec<Redirect>, TextError> {
        self.at_most(
            table.get_ref().len(),
            Limits::REDIRECTS,
            "redirects",
            Some(table.span()),
        )?;
        let redirect = |(path, value): (Text, Spanned<RedirectValue>)| {
            let at = value.span();
            let (to, status) = match value.into_inner() {
                RedirectValue::To(to) => (to, 302),
                RedirectValue::With { to, status } => (to, status),
            };
            if !matches!(status, 301 | 302 | 303 | 307 | 308) {
                return Err(
                    self.error(Some(at), "a redirect's status is 301, 302, 303, 307 or 308")
                );
            }
            if !is_path(path.get_ref()) {
                return Err(self.error(
                    Some(path.span()),
                    format!("`{}` is not a path as it stands in a URL", path.get_ref()),
                ));
            }
            Ok(Redirect {
                path: self.name(&path)?,
                to: self.target(scenario, &to, at, "https")?,
                status,
            })
        };
        table.into_inner().into_iter().map(redirect).collect()
    }

    fn identity(&self, name: &Text, table: &IdentityTable) -> Result<Identity, TextError> {
        self.at_most(
            table.hosts.len(),
            Limits::IDENTITY_HOSTS,
            "hosts",
            Some(name.span()),
        )?;
        let hosts = table.hosts.iter().map(|host| self.host(host));
        if name.get_ref() == "none" {
            return Err(self.error(
                Some(name.span()),
                "`none` means that there is no identity; take another name",
            ));
        }
        Ok(Identity {
            name: self.plain_name(name)?,
            hosts: hosts.collect::<Result<_, _>>()?,
        })
    }

    fn step(&self, scenario: &Scenario, table: Spanned<StepTable>) -> Result<Step, TextError> {
        let at = table.span();
        let mut table = table.into_inner();
        let expect = table
            .expect
            .take()
            .map(|expect| self.expect(scenario, expect, &at))
            .transpose()?;
        let overlap = table.overlap;
        let action = match table.event.take() {
            Some(event) => self.event(scenario, &event, &table)?,
            None => {
                let exchange = self.exchange(scenario, table, &at)?;
                self.fetch_would_take(&exchange, &at)?;
                Action::Exchange(Box::new(exchange))
            }
        };
        Ok(Step {
            action,
            overlap,
            expect: expect.map(Box::new),
        })
    }

    fn exchange(
        &self,
        scenario: &Scenario,
        table: StepTable,
        at: &Range<usize>,
    ) -> Result<Exchange, TextError> {
        let kinds = [
            (Kind::Fetch, table.fetch),
            (Kind::Navigate, table.navigate),
            (Kind::Image, table.image),
            (Kind::Websocket, table.websocket),
            (Kind::Preconnect, table.preconnect),
        ];
        let mut given = kinds
            .into_iter()
            .filter_map(|(kind, url)| Some((kind, url?)));
        let (Some((kind, url)), None) = (given.next(), given.next()) else {
            return Err(self.error(
                Some(at.clone()),
                "a step is one of `fetch`, `navigate`, `image`, `websocket`, `preconnect` (with a URL) and `event`",
            ));
        };
        for (key, given) in [
            ("seconds", table.seconds.is_some()),
            ("server", table.server.is_some()),
            ("client-certificate", table.client_certificate.is_some()),
        ] {
            if given {
                return Err(self.error(
                    Some(at.clone()),
                    format!("`{key}` belongs to an `event`, not to a request"),
                ));
            }
        }
        let default = Exchange::default();
        if kind == Kind::Navigate || kind == Kind::Websocket {
            if table.credentials.is_some() {
                return Err(self.error(
                    Some(at.clone()),
                    "a navigation and a WebSocket always include credentials",
                ));
            }
        } else if kind != Kind::Fetch && table.credentials == Some(Credentials::Omit) {
            return Err(self.error(
                Some(at.clone()),
                "an element includes credentials, or with crossorigin=anonymous has \"same-origin\"",
            ));
        }
        if kind != Kind::Fetch
            && (table.method.is_some()
                || table.headers.is_some()
                || table.mode.is_some()
                || table.body.is_some()
                || table.upload_listener.is_some())
        {
            return Err(self.error(
                Some(at.clone()),
                "`method`, `headers`, `mode`, `body` and `upload-listener` belong to a `fetch`",
            ));
        }
        let from = table
            .from
            .map_or(Ok(default.from), |from| self.origin(&from))?;
        let identity = table
            .identity
            .map(|name| self.identity_index(scenario, &name))
            .transpose()?;
        Ok(Exchange {
            kind,
            url: self.target(
                scenario,
                url.get_ref(),
                url.span(),
                if kind == Kind::Websocket {
                    "wss"
                } else {
                    "https"
                },
            )?,
            method: table
                .method
                .map_or(Ok(default.method), |method| self.method(&method))?,
            headers: table
                .headers
                .map_or(Ok(Vec::new()), |headers| self.headers(headers))?,
            mode: table.mode.unwrap_or(Mode::Cors),
            credentials: table.credentials.unwrap_or(match kind {
                Kind::Fetch => Credentials::SameOrigin,
                _ => Credentials::Include,
            }),
            body: table.body.unwrap_or(Body::None),
            upload_listener: table.upload_listener.unwrap_or(false),
            top: table
                .top
                .map_or_else(|| Ok(from.clone()), |top| self.origin(&top))?,
            from,
            identity,
            trust: table.trust.unwrap_or_default(),
        })
    }

    /// What `fetch()` itself refuses with a TypeError is not a scenario.
    fn fetch_would_take(&self, exchange: &Exchange, at: &Range<usize>) -> Result<(), TextError> {
        let mut taken = exchange.clone();
        fixup_fetch(&mut taken);
        if taken == *exchange {
            return Ok(());
        }
        let reason = if exchange.mode == Mode::NoCors {
            "with mode \"no-cors\" only safelisted methods and headers are allowed, and neither an upload listener nor a stream body"
        } else {
            "GET and HEAD have no body"
        };
        Err(self.error(Some(at.clone()), reason))
    }

    fn event(
        &self,
        scenario: &Scenario,
        event: &Text,
        table: &StepTable,
    ) -> Result<Action, TextError> {
        let needs = |key: &str| {
            self.error(
                Some(event.span()),
                format!("the event `{}` needs `{key}`", event.get_ref()),
            )
        };
        let server = || match &table.server {
            Some(name) => self.server_index(scenario, name),
            None => Err(needs("server")),
        };
        let event = match event.get_ref().as_str() {
            "time" => WorldEvent::Time {
                seconds: self.seconds(
                    table.seconds.as_ref().ok_or_else(|| needs("seconds"))?,
                    Limits::SECONDS,
                )?,
            },
            "close" => WorldEvent::Close { server: server()? },
            "restart" => WorldEvent::Restart { server: server()? },
            "rotate-ticket-keys" => WorldEvent::RotateTicketKeys { server: server()? },
            "change-mode" => WorldEvent::ChangeMode {
                server: server()?,
                client_certificate: table
                    .client_certificate
                    .ok_or_else(|| needs("client-certificate"))?,
            },
            "logout" => WorldEvent::Logout,
            "renew" => match &table.identity {
                Some(name) => WorldEvent::Renew {
                    identity: self.identity_index(scenario, name)?,
                },
                None => return Err(needs("identity")),
            },
            "network-change" => WorldEvent::NetworkChange,
            other => {
                return Err(self.error(
                    Some(event.span()),
                    format!(
                        "there is no event `{other}`; there are time, close, restart, rotate-ticket-keys, change-mode, \
                         logout, renew and network-change"
                    ),
                ));
            }
        };
        Ok(Action::Event(event))
    }

    fn expect(
        &self,
        scenario: &Scenario,
        table: ExpectTable,
        at: &Range<usize>,
    ) -> Result<Expect, TextError> {
        let outcome = match (table.status, table.error) {
            (Some(_), Some(_)) => {
                return Err(self.error(
                    Some(at.clone()),
                    "a step ends with a `status` or with an `error`, not with both",
                ));
            }
            (Some(status), None) => Some(ExpectedOutcome::Status(status)),
            (None, Some(error)) => Some(ExpectedOutcome::Error(self.name(&error)?)),
            (None, None) => None,
        };
        let client = |name: Option<Text>| match name {
            None => Ok(None),
            Some(name) if name.get_ref() == "none" => Ok(Some(ExpectedClient::None)),
            Some(name) => self
                .identity_index(scenario, &name)
                .map(|index| Some(ExpectedClient::Identity(index))),
        };
        Ok(Expect {
            outcome,
            preflight: table.preflight,
            preflight_client: client(table.preflight_client)?,
            preflight_connection: table.preflight_connection,
            client: client(table.client)?,
            connection: table.connection,
            requests: table.requests,
            prompt: table.prompt,
        })
    }

    fn target(
        &self,
        scenario: &Scenario,
        written: &str,
        at: Range<usize>,
        scheme: &str,
    ) -> Result<Target, TextError> {
        self.at_most(
            written.len(),
            Limits::NAME,
            "bytes of URL",
            Some(at.clone()),
        )?;
        let url = Url::parse(written).map_err(|error| {
            self.error(
                Some(at.clone()),
                format!("`{written}` is not a URL: {error}"),
            )
        })?;
        let plain =
            url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        let (true, true, Some(host), Some(port)) = (
            url.scheme() == scheme,
            plain,
            url.host_str(),
            url.port_or_known_default(),
        ) else {
            return Err(self.error(
                Some(at),
                format!("`{written}` is not an {scheme} URL without userinfo and fragment"),
            ));
        };
        if scenario.server_of(host, port).is_none() {
            let port = if port == 443 {
                String::new()
            } else {
                format!(" on port {port}")
            };
            return Err(self.error(
                Some(at),
                format!("no server of this world has the host `{host}`{port}: add it to the `hosts` of one"),
            ));
        }
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        Ok(Target {
            host: Name::from(host),
            port,
            path: Name::from(path),
        })
    }

    fn host(&self, text: &Text) -> Result<Name, TextError> {
        let written = text.get_ref();
        if !is_host(written) {
            return Err(self.error(
                Some(text.span()),
                format!("`{written}` is not a lowercase DNS name"),
            ));
        }
        Ok(Name::from(written.as_str()))
    }

    fn origin(&self, text: &Text) -> Result<Name, TextError> {
        let written = text.get_ref();
        if !is_origin(written) {
            return Err(self.error(
                Some(text.span()),
                format!("`{written}` is not an origin such as https://app.test"),
            ));
        }
        Ok(Name::from(written.as_str()))
    }

    fn method(&self, text: &Text) -> Result<Name, TextError> {
        let method = self.name(text)?;
        if Method::normalize(&method).map_or(true, |method| method.is_forbidden()) {
            return Err(self.error(
                Some(text.span()),
                format!("`{method}` is not a method that a page may use"),
            ));
        }
        Ok(method)
    }

    fn headers(
        &self,
        headers: Spanned<IndexMap<String, String>>,
    ) -> Result<Vec<(Name, Name)>, TextError> {
        let at = headers.span();
        self.at_most(
            headers.get_ref().len(),
            Limits::HEADERS,
            "headers",
            Some(at.clone()),
        )?;
        let mut pairs = Vec::new();
        for (name, value) in headers.into_inner() {
            if !may_set(&name, &value) {
                return Err(self.error(
                    Some(at),
                    format!("`{name}: {value}` is not a header that a page may set"),
                ));
            }
            pairs.push((Name::from(name), Name::from(value)));
        }
        Ok(pairs)
    }

    fn server_index(&self, scenario: &Scenario, name: &Text) -> Result<u8, TextError> {
        let names = scenario.servers.iter().map(|server| &server.name);
        self.index(names, name, "server")
    }

    fn identity_index(&self, scenario: &Scenario, name: &Text) -> Result<u8, TextError> {
        let names = scenario.identities.iter().map(|identity| &identity.name);
        self.index(names, name, "identity")
    }

    fn index<'n>(
        &self,
        mut names: impl Iterator<Item = &'n Name>,
        name: &Text,
        what: &str,
    ) -> Result<u8, TextError> {
        names
            .position(|known| known == name.get_ref())
            .and_then(|index| u8::try_from(index).ok())
            .ok_or_else(|| {
                self.error(
                    Some(name.span()),
                    format!("there is no {what} `{}`", name.get_ref()),
                )
            })
    }

    fn name(&self, name: &Text) -> Result<Name, TextError> {
        self.at_most(
            name.get_ref().len(),
            Limits::NAME,
            "bytes",
            Some(name.span()),
        )?;
        Ok(Name::from(name.get_ref().as_str()))
    }

    fn plain_name(&self, name: &Text) -> Result<Name, TextError> {
        if !is_plain(name.get_ref()) {
            return Err(self.error(
                Some(name.span()),
                format!(
                    "`{}` is not a name of at most 64 letters, digits, - and _",
                    name.get_ref()
                ),
            ));
        }
        self.name(name)
    }

    fn ticket_lifetime(&self, seconds: &Spanned<u32>) -> Result<u32, TextError> {
        if *seconds.get_ref() == 0 {
            return Err(self.error(
                Some(seconds.span()),
                "a ticket lives for at least one second; `tickets = false` means none",
            ));
        }
        self.seconds(seconds, Limits::TICKET_LIFETIME)
    }

    fn seconds(&self, seconds: &Spanned<u32>, most: u32) -> Result<u32, TextError> {
        if *seconds.get_ref() > most {
            return Err(self.error(Some(seconds.span()), format!("at most {most} seconds")));
        }
        Ok(*seconds.get_ref())
    }

    fn at_most(
        &self,
        given: usize,
        most: usize,
        what: &str,
        at: Option<Range<usize>>,
    ) -> Result<(), TextError> {
        if given > most {
            return Err(self.error(at, format!("{given} {what}; at most {most} are read")));
        }
        Ok(())
    }

    fn error(&self, span: Option<Range<usize>>, message: impl Into<String>) -> TextError {
        TextError::new(self.text, span, message)
    }

    fn toml(&self, error: &toml::de::Error) -> TextError {
        self.error(error.span(), error.message().trim_end())
    }
}

/// Whether `bytes` is a token (RFC 9110 section 5.6.2).
pub(in crate::scenario) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b))
}

/// Whether a page may set this header.
pub(in crate::scenario) fn may_set(name: &str, value: &str) -> bool {
    let (Ok(parsed), Ok(bytes)) = (
        HeaderName::parse(name),
        HeaderValue::parse(name, value.as_bytes()),
    ) else {
        return false;
    };
    is_value(value.as_bytes())
        && name.len() + value.len() <= Limits::NAME
        && !is_forbidden_request_header(&parsed, &bytes)
}

/// Whether `bytes` is a header value that both HTTP/1.1 and HTTP/2 carry unchanged.
pub(in crate::scenario) fn is_value(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| (0x20..0x7f).contains(b)) && bytes.trim_ascii().len() == bytes.len()
}
