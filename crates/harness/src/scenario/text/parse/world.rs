//! The world: servers and identities.

use indexmap::IndexMap;
use toml::Spanned;

use super::Reader;
use super::tables::{AllowValue, CorsTable, IdentityTable, RedirectValue, ServerTable, Text};
use super::words::{is_token, is_value};
use crate::scenario::fixup::{is_address, is_path};
use crate::scenario::text::TextError;
use crate::scenario::{
    AllowList, AllowOrigin, Alpn, ClientCertificate, Cors, HostRule, Identity, InForce, Limits,
    Name, Protected, Redirect, Scenario, Server, TlsVersions,
};

pub(super) const PROXY_ASKS_EARLY: &str =
    "a proxy asks in the handshake, with \"request\" or \"require\", or not at all";

impl Reader<'_> {
    pub(super) fn server(&self, name: &Text, table: ServerTable) -> Result<Server, TextError> {
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
        if names.iter().filter(|host| is_address(host)).count() > 1 {
            return Err(self.error(Some(at), "a server has one address at most"));
        }
        let rule = table.client_certificate.unwrap_or_default();
        let table_hosts = names.clone();
        let alpn = table
            .alpn
            .map_or(Ok(default.alpn), |alpn| self.alpn(&alpn))?;
        let server = Server {
            name: self.plain_name(name)?,
            hosts: names,
            ports: table
                .ports
                .map_or(Ok(default.ports), |ports| self.ports(ports))?,
            client_certificate: rule,
            accepts: table.accepts.unwrap_or_default(),
            host_rules: self.host_rules(table.host_rules.unwrap_or_default(), &table_hosts)?,
            protected: Protected {
                paths: table
                    .protected
                    .map_or(Ok(default.protected.paths), |it| self.protected(it))?,
                preflights: table
                    .protects_preflights
                    .unwrap_or(default.protected.preflights),
                in_http2: table.late_in_http2.unwrap_or_default(),
            },
            tls: self.tls_under(table.tls.as_ref(), rule)?,
            proxy: table
                .proxy
                .map_or(Ok(default.proxy), |it| self.proxy(&it, rule, alpn))?,
            alpn,
            tickets: table.tickets.unwrap_or(default.tickets) && rule.late().is_none(),
            ticket_lifetime: table
                .ticket_lifetime
                .map_or(Ok(default.ticket_lifetime), |it| self.ticket_lifetime(&it))?,
            early_data: table.early_data.unwrap_or(default.early_data),
            certificate: table.certificate.unwrap_or_default(),
            cors: table
                .cors
                .map_or(Ok(default.cors), |cors| self.cors(cors))?,
            redirects: Vec::new(),
        };
        Ok(Server {
            early_data: server.early_data_under(InForce::from(&server)),
            ..server
        })
    }

    /// A proxy is spoken to over HTTP/1.1, and asks before it knows what for.
    fn proxy(
        &self,
        proxy: &Spanned<bool>,
        rule: ClientCertificate,
        alpn: Alpn,
    ) -> Result<bool, TextError> {
        let wrong = match (proxy.get_ref(), rule.late(), alpn) {
            (false, _, _) => None,
            (true, Some(_), _) => Some(PROXY_ASKS_EARLY),
            (true, None, Alpn::H2) => {
                Some("a proxy needs \"http/1.1\" in its `alpn`: tunnels are asked for in that")
            }
            (true, None, _) => None,
        };
        match wrong {
            Some(wrong) => Err(self.error(Some(proxy.span()), wrong)),
            None => Ok(*proxy.get_ref()),
        }
    }

    pub(super) fn endpoints_are_free(
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

    pub(super) fn ports(&self, ports: Spanned<Vec<u16>>) -> Result<Vec<u16>, TextError> {
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

    pub(super) fn tls(&self, versions: &Spanned<Vec<String>>) -> Result<TlsVersions, TextError> {
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

    /// The versions as they are written, or as the rule on client certificates wants them.
    fn tls_under(
        &self,
        written: Option<&Spanned<Vec<String>>>,
        rule: ClientCertificate,
    ) -> Result<TlsVersions, TextError> {
        let (written, at) = match written {
            Some(versions) => (self.tls(versions)?, versions.span()),
            None => return Ok(rule.late().unwrap_or_default()),
        };
        match rule.late() {
            Some(TlsVersions::Tls12) if written != TlsVersions::Tls12 => Err(self.error(
                Some(at),
                "renegotiation exists in TLS 1.2 alone: write `tls = [\"1.2\"]`, or leave `tls` out",
            )),
            Some(TlsVersions::Tls13) if written != TlsVersions::Tls13 => Err(self.error(
                Some(at),
                "a post-handshake request exists in TLS 1.3 alone: write `tls = [\"1.3\"]`, or leave `tls` out",
            )),
            _ => Ok(written),
        }
    }

    fn host_rules(
        &self,
        rules: IndexMap<Text, ClientCertificate>,
        hosts: &[Name],
    ) -> Result<Vec<HostRule>, TextError> {
        let rule = |(host, client_certificate): (Text, ClientCertificate)| {
            let known = hosts
                .iter()
                .find(|known| known.eq_ignore_ascii_case(host.get_ref()));
            if is_address(host.get_ref()) {
                return Err(self.error(
                    Some(host.span()),
                    "an address is not told in the handshake, so it comes under the server's own rule",
                ));
            }
            match (known, client_certificate.late()) {
                // In the case in which it is written: a server must not mind.
                (Some(_), None) => Ok(HostRule {
                    host: self.name(&host)?,
                    client_certificate,
                }),
                (None, _) => Err(self.error(
                    Some(host.span()),
                    format!("`{}` is not among the server's `hosts`", host.get_ref()),
                )),
                (_, Some(_)) => Err(self.error(
                    Some(host.span()),
                    "a host's own rule is \"none\", \"request\" or \"require\"",
                )),
            }
        };
        rules.into_iter().map(rule).collect()
    }

    fn protected(&self, paths: Spanned<Vec<Text>>) -> Result<Vec<Name>, TextError> {
        let at = paths.span();
        let paths = paths.into_inner();
        self.at_most(paths.len(), Limits::PROTECTED, "paths", Some(at.clone()))?;
        if paths.is_empty() {
            return Err(self.error(
                Some(at),
                "`protected` needs at least one path, such as \"/\"",
            ));
        }
        let path = |path: &Text| match is_path(path.get_ref()) {
            true => self.name(path),
            false => Err(self.error(
                Some(path.span()),
                format!("`{}` is not a path as it stands in a URL", path.get_ref()),
            )),
        };
        paths.iter().map(path).collect()
    }

    pub(super) fn alpn(&self, protocols: &Spanned<Vec<String>>) -> Result<Alpn, TextError> {
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

    pub(super) fn cors(&self, table: CorsTable) -> Result<Cors, TextError> {
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

    pub(super) fn allow_origin(&self, value: &Text) -> Result<AllowOrigin, TextError> {
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

    pub(super) fn allow(
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

    pub(super) fn redirects(
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

    pub(super) fn identity(
        &self,
        scenario: &Scenario,
        name: &Text,
        table: &IdentityTable,
    ) -> Result<Identity, TextError> {
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
        let identity = Identity {
            name: self.plain_name(name)?,
            hosts: hosts.collect::<Result<_, _>>()?,
            issuer: table.issuer.unwrap_or_default(),
            intermediate_lifetime: table
                .intermediate_lifetime
                .as_ref()
                .map(|it| self.seconds(it, Limits::SECONDS))
                .transpose()?,
            certificate_of: None,
        };
        let Some(of) = &table.certificate else {
            return Ok(identity);
        };
        if table.issuer.is_some() || table.intermediate_lifetime.is_some() {
            return Err(self.error(
                Some(of.span()),
                "who shows the certificate of another has its `issuer` and `intermediate-lifetime` too; leave them out",
            ));
        }
        let index = self.certificate_of(scenario, of)?;
        Ok(identity.borrowing(index, &scenario.identities[usize::from(index)]))
    }

    fn certificate_of(&self, scenario: &Scenario, of: &Text) -> Result<u8, TextError> {
        let before = (0u8..).zip(&scenario.identities);
        let mut own = before.filter(|(_, it)| it.certificate_of.is_none());
        own.find(|(_, it)| it.name == of.get_ref().as_str())
            .map(|(index, _)| index)
            .ok_or_else(|| {
                self.error(
                    Some(of.span()),
                    format!(
                        "no identity above has a certificate of its own and is called `{}`",
                        of.get_ref()
                    ),
                )
            })
    }
}
