//! What does a decision mean, in words for a web developer who is stuck on a "CORS error"?

use super::{Case, Decision};
use crate::connection::ClientCertificate;
use core::fmt::{Display, Formatter, Result};

/// A decision as text, several lines, without a final line break: what is sent, why the server is asked first, what its answers
/// lack.
#[derive(Clone, Copy, Debug)]
pub struct Explanation<'a, 'h> {
    /// The case.
    pub case: &'a Case,
    /// What [`decide`](super::decide) said of it.
    pub decision: &'a Decision<'h>,
}

impl Display for Explanation<'_, '_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let request = &self.case.request;
        write!(
            f,
            "{} {} by {}",
            request.method,
            request.current_url(),
            request.origin()
        )?;
        write!(
            f,
            ", mode {}, credentials {}",
            request.mode, request.credentials_mode
        )?;
        if let Err(error) = &self.decision.route {
            return write!(f, "\nnetwork error: {error}");
        }
        self.preflight(f)?;
        self.request(f)?;
        match &self.decision.cors_check {
            None => Ok(()),
            Some(Ok(())) => write!(f, "\n  its answer may be seen by {}", request.origin()),
            Some(Err(error)) => write!(f, "\n  its answer is withheld: {error}"),
        }
    }
}

impl Explanation<'_, '_> {
    fn preflight(&self, f: &mut Formatter<'_>) -> Result {
        if !self.decision.preflight {
            return f.write_str("\nno preflight");
        }
        write!(
            f,
            "\na preflight comes first, because of {}",
            self.reasons().join(" and ")
        )?;
        let carries = if self.decision.preflight_credentials {
            "with the client certificate"
        } else {
            "without credentials"
        };
        write!(f, "\n  it is sent {carries}")?;
        match &self.decision.preflight_result {
            None => Ok(()),
            Some(Ok(())) => f.write_str("\n  its answer allows the request"),
            Some(Err(error)) => write!(
                f,
                "\n  its answer refuses the request, which is never sent: {error}"
            ),
        }
    }

    fn reasons(&self) -> Vec<String> {
        let request = &self.case.request;
        let method = (!request.method.is_cors_safelisted())
            .then(|| format!("the method {}", request.method));
        let names: Vec<&str> = self.decision.unsafe_names.iter().collect();
        let headers =
            (!names.is_empty()).then(|| format!("the headers {} as they are", names.join(", ")));
        let flag = request
            .use_cors_preflight
            .then(|| "an upload listener or a stream body".to_owned());
        method.into_iter().chain(headers).chain(flag).collect()
    }

    fn request(&self, f: &mut Formatter<'_>) -> Result {
        let sent = if matches!(self.decision.preflight_result, Some(Err(_))) {
            "would be sent"
        } else {
            "is sent"
        };
        let credentials = if self.decision.include_credentials {
            "with"
        } else {
            "without"
        };
        let certificate = match self.decision.client_certificate {
            ClientCertificate::MayPresent => "a client certificate is presented if the server asks",
            ClientCertificate::MustNotPresent => "no client certificate is presented",
        };
        write!(
            f,
            "\nthe request {sent} {credentials} credentials; {certificate}"
        )
    }
}
