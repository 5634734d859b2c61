//! Makes the calls of a file; ../suite/client.py says how.

use bytes::{Buf, BufMut};
use std::time::Duration;
use tonic::codec::{
    Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder,
};
use tonic::metadata::{KeyRef, MetadataKey, MetadataMap};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

/// Messages are bytes.
#[derive(Clone, Copy, Default)]
struct Bytes;

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining()).to_vec()))
    }
}

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Bytes;
    type Decoder = Bytes;

    fn encoder(&mut self) -> Bytes {
        Bytes
    }

    fn decoder(&mut self) -> Bytes {
        Bytes
    }
}

/// What comes of one call.
struct Answer {
    status: Status,
    messages: Vec<Vec<u8>>,
    trailers: MetadataMap,
}

impl Answer {
    fn failed(status: Status, messages: Vec<Vec<u8>>) -> Answer {
        let trailers = status.metadata().clone();
        Answer { status, messages, trailers }
    }

    fn to_json(&self) -> String {
        let mut names: Vec<String> = self
            .trailers
            .keys()
            .filter_map(|key| match key {
                KeyRef::Ascii(name) => Some(name.to_string()),
                KeyRef::Binary(_) => None,
            })
            .filter(|name| name.starts_with("latchkey-"))
            .collect();
        names.sort();
        format!(
            "{{\"code\": {}, \"message\": {:?}, \"answers\": {:?}, \
             \"details\": {:?}, \"trailers\": {:?}}}",
            self.status.code() as i32,
            self.status.message().escape_default().to_string().replace('\\', ""),
            self.messages.iter().map(|message| to_hex(message)).collect::<Vec<_>>(),
            to_hex(self.status.details()),
            names
        )
    }
}

fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)] as char);
        text.push(DIGITS[usize::from(byte & 15)] as char);
    }
    text
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("two digits"))
        .collect()
}

fn request_of<T>(message: T, fields: &[&str]) -> Request<T> {
    let mut request = Request::new(message);
    // What goes to the server; the client's own timer is in make_call().
    request.set_timeout(Duration::from_millis(fields[2].parse().expect("a number")));
    for pair in fields[5].split(',').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').expect("a pair");
        let key = MetadataKey::from_bytes(name.as_bytes()).expect("a name");
        request.metadata_mut().insert(key, value.parse().expect("a value"));
    }
    request
}

async fn make_call(channel: Channel, line: &str) -> Answer {
    let fields: Vec<&str> = line.split('\t').collect();
    let mut client = tonic::client::Grpc::new(channel).max_decoding_message_size(usize::MAX);
    if fields[3] == "1" {
        client = client
            .send_compressed(CompressionEncoding::Gzip)
            .accept_compressed(CompressionEncoding::Gzip);
    }
    let path = fields[1].parse::<http::uri::PathAndQuery>().expect("a path");
    let mut requests: Vec<Vec<u8>> = match fields[6] {
        "-" => Vec::new(),
        texts => texts.split(',').map(from_hex).collect(),
    };
    client.ready().await.expect("the server is there");
    let mut messages = Vec::new();
    if fields[0] == "unary" {
        let request = request_of(requests.remove(0), &fields);
        return match client.unary(request, path, Bytes).await {
            Ok(response) => {
                let (metadata, message, _) = response.into_parts();
                Answer { status: Status::ok(""), messages: vec![message], trailers: metadata }
            }
            Err(status) => Answer::failed(status, messages),
        };
    }
    let request = request_of(tokio_stream::iter(requests), &fields);
    let mut stream = match client.streaming(request, path, Bytes).await {
        Ok(response) => response.into_inner(),
        Err(status) => return Answer::failed(status, messages),
    };
    let cancel_after: i64 = fields[4].parse().expect("a number");
    loop {
        match stream.message().await {
            Ok(Some(message)) => messages.push(message),
            Ok(None) => break,
            Err(status) => return Answer::failed(status, messages),
        }
        if messages.len() as i64 == cancel_after {
            // A stream that is dropped is reset; nobody says so to its caller.
            return Answer::failed(Status::new(Code::Cancelled, "as asked"), messages);
        }
    }
    let trailers = stream.trailers().await.ok().flatten().unwrap_or_default();
    Answer { status: Status::ok(""), messages, trailers }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let channel = Channel::from_shared(format!("http://{}", arguments[1]))?.connect().await?;
    let mut out = String::new();
    for line in std::fs::read_to_string(&arguments[2])?.lines() {
        out += &make_call(channel.clone(), line).await.to_json();
        out.push('\n');
    }
    std::fs::write(&arguments[3], out)?;
    Ok(())
}
