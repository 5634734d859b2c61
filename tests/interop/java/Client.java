import com.google.common.io.ByteStreams;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Makes the calls of a file; ../suite/client.py says how. */
public final class Client {
  private static final Metadata.Key<byte[]> DETAILS =
      Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);

  /** Messages are bytes. */
  private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] value) {
      return new ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return ByteStreams.toByteArray(stream);
      } catch (IOException error) {
        throw new IllegalStateException(error);
      }
    }
  }

  /** What comes of one call. */
  private static final class Answer extends ClientCall.Listener<byte[]> {
    final CountDownLatch done = new CountDownLatch(1);
    final List<String> messages = new ArrayList<>();
    ClientCall<byte[], byte[]> call;
    int cancelAfter;
    Status status;
    Metadata trailers;

    @Override
    public void onMessage(byte[] message) {
      messages.add(HexFormat.of().formatHex(message));
      if (messages.size() == cancelAfter) {
        // Perhaps before the request is whole: then netty sends the end of it
        // behind the reset.
        call.cancel("as asked", null);
      }
      call.request(1);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      this.status = status;
      this.trailers = trailers;
      done.countDown();
    }

    String toJson() {
      byte[] details = trailers.get(DETAILS);
      TreeSet<String> names = new TreeSet<>();
      for (String name : trailers.keys()) {
        if (name.startsWith("latchkey-")) {
          names.add(name);
        }
      }
      return "{\"code\": " + status.getCode().value()
          + ", \"message\": " + quote(String.valueOf(status.getDescription()))
          + ", \"answers\": " + list(messages)
          + ", \"details\": \""
          + (details == null ? "" : HexFormat.of().formatHex(details))
          + "\", \"trailers\": " + list(names) + "}";
    }
  }

  private static String quote(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c < ' ' || c == '"' || c == '\\') {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    return out.append('"').toString();
  }

  private static String list(Iterable<String> texts) {
    List<String> quoted = new ArrayList<>();
    for (String text : texts) {
      quoted.add(quote(text));
    }
    return "[" + String.join(", ", quoted) + "]";
  }

  private static Answer makeCall(Channel channel, String line)
      throws InterruptedException {
    String[] fields = line.split("\t", -1);
    MethodDescriptor<byte[], byte[]> method =
        MethodDescriptor.<byte[], byte[]>newBuilder()
            .setType(fields[0].equals("unary")
                ? MethodDescriptor.MethodType.UNARY
                : MethodDescriptor.MethodType.BIDI_STREAMING)
            .setFullMethodName(fields[1].substring(1))
            .setRequestMarshaller(new Bytes())
            .setResponseMarshaller(new Bytes())
            .build();
    CallOptions options = CallOptions.DEFAULT.withDeadlineAfter(
        Long.parseLong(fields[2]), TimeUnit.MILLISECONDS);
    if (fields[3].equals("1")) {
      options = options.withCompression("gzip");
    }
    Metadata metadata = new Metadata();
    for (String pair : fields[5].split(",")) {
      if (!pair.isEmpty()) {
        String[] parts = pair.split("=", 2);
        metadata.put(
            Metadata.Key.of(parts[0], Metadata.ASCII_STRING_MARSHALLER), parts[1]);
      }
    }
    Answer answer = new Answer();
    answer.cancelAfter = Integer.parseInt(fields[4]);
    answer.call = channel.newCall(method, options);
    answer.call.start(answer, metadata);
    answer.call.request(2);
    if (!fields[6].equals("-")) {
      for (String request : fields[6].split(",", -1)) {
        answer.call.sendMessage(HexFormat.of().parseHex(request));
      }
    }
    answer.call.halfClose();
    answer.done.await();
    return answer;
  }

  public static void main(String[] arguments) throws Exception {
    String[] address = arguments[0].split(":");
    ManagedChannel channel =
        NettyChannelBuilder.forAddress(address[0], Integer.parseInt(address[1]))
            .usePlaintext()
            .proxyDetector(target -> null)
            .maxInboundMessageSize(Integer.MAX_VALUE)
            .build();
    StringBuilder out = new StringBuilder();
    for (String line : Files.readAllLines(Path.of(arguments[1]))) {
      out.append(makeCall(channel, line).toJson()).append('\n');
    }
    Files.writeString(Path.of(arguments[2]), out, StandardCharsets.UTF_8);
    channel.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
  }
}
