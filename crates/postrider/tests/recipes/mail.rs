//! A mail server that delivers nothing: it takes every e-mail over SMTP on loopback and keeps it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::support::PATIENCE;

/// What a mail server does with an e-mail.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Manner {
    /// Takes it.
    Takes,
    /// Reads all of it and never says whether it takes it.
    NeverSays,
}

/// A running mail server; it ends when it is dropped.
pub(crate) struct MailServer {
    address: SocketAddr,
    taken: Arc<Mutex<Vec<String>>>,
    read: UnboundedReceiver<()>,
    task: tokio::task::JoinHandle<()>,
}

impl MailServer {
    /// Listens at any free port.
    pub(crate) async fn start(manner: Manner) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), manner).await
    }

    /// Listens there.
    pub(crate) async fn start_at(address: SocketAddr, manner: Manner) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let taken = Arc::<Mutex<Vec<String>>>::default();
        let (sender, read) = unbounded_channel();
        let keep = Arc::clone(&taken);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, manner, Arc::clone(&keep), sender.clone()));
            }
        });
        Self { address, taken, read, task }
    }

    /// Ends it; then its port is free.
    pub(crate) async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The setting that leads to it.
    pub(crate) fn url(address: SocketAddr) -> String {
        format!("smtp://{address}")
    }

    /// All e-mails that it took, each with its headers.
    pub(crate) fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }

    /// Waits until it has read an e-mail to its end.
    pub(crate) async fn has_read_one(&mut self) {
        tokio::time::timeout(PATIENCE, self.read.recv()).await.expect("an e-mail in time").unwrap();
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One session, with the few commands that every client uses.
async fn converse(stream: TcpStream, manner: Manner, taken: Arc<Mutex<Vec<String>>>, read: UnboundedSender<()>) {
    let (input, mut output) = stream.into_split();
    let mut lines = BufReader::new(input).lines();
    let mut answer = "220 mail.test ESMTP";
    loop {
        if output.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
        let Ok(Some(line)) = lines.next_line().await else { return };
        answer = match line.split(' ').next().unwrap_or_default().to_ascii_uppercase().as_str() {
            "EHLO" | "HELO" => "250 mail.test",
            "MAIL" | "RCPT" | "RSET" | "NOOP" => "250 ok",
            "QUIT" => "221 bye",
            "DATA" => {
                if output.write_all(b"354 go on\r\n").await.is_err() {
                    return;
                }
                let mut message = String::new();
                loop {
                    match lines.next_line().await {
                        Ok(Some(line)) if line == "." => break,
                        Ok(Some(line)) => message += &(line + "\n"),
                        _ => return,
                    }
                }
                let _ = read.send(());
                match manner {
                    Manner::Takes => taken.lock().unwrap().push(message),
                    Manner::NeverSays => std::future::pending().await,
                }
                "250 taken"
            }
            _ => "502 unknown command",
        };
    }
}
