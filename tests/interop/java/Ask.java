// SPDX-License-Identifier: Apache-2.0
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.InputStreamReader;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.ObjectSerializationCache;

/**
 * Sends requests to HOST:PORT and prints the answers, both as JSON. A line of the input is
 * {"on": connection, "api": name, "version": n, "body": {…}}; a line of the output is the body of
 * the answer, or {"closed": reason}. With "send" instead of "on" the answer is not waited for;
 * {"receive": connection} does that later.
 */
public final class Ask {
  private static final ObjectMapper JSON = new ObjectMapper();

  private record Asked(ApiKeys api, short version) {}

  private static final class Line {
    final Socket socket;
    final DataInputStream in;
    final DataOutputStream out;
    final ArrayDeque<Asked> open = new ArrayDeque<>();

    Line(String host, int port) throws Exception {
      socket = new Socket(host, port);
      socket.setTcpNoDelay(true);
      socket.setSoTimeout(60_000);
      in = new DataInputStream(socket.getInputStream());
      out = new DataOutputStream(socket.getOutputStream());
    }
  }

  public static void main(String[] words) throws Exception {
    String host = words[0].split(":")[0];
    int port = Integer.parseInt(words[0].split(":")[1]);
    Map<String, Line> lines = new HashMap<>();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
    for (String text = in.readLine(); text != null; text = in.readLine()) {
      JsonNode ask = JSON.readTree(text);
      boolean sends = ask.has("send");
      String name = ask.get(sends ? "send" : ask.has("receive") ? "receive" : "on").asText();
      JsonNode answer;
      try {
        if (!lines.containsKey(name)) lines.put(name, new Line(host, port));
        Line line = lines.get(name);
        if (!ask.has("receive")) send(line, ask);
        answer = sends ? JSON.createObjectNode() : receive(line);
      } catch (java.io.IOException error) {
        lines.remove(name);
        ObjectNode closed = JSON.createObjectNode();
        closed.put("closed", error.getClass().getSimpleName());
        answer = closed;
      } catch (ReflectiveOperationException error) {
        ObjectNode cannot = JSON.createObjectNode();
        cannot.put("cannot", String.valueOf(error.getCause()));
        answer = cannot;
      }
      System.out.println(JSON.writeValueAsString(answer));
      System.out.flush();
    }
  }

  private static void send(Line line, JsonNode ask) throws Exception {
    ApiKeys api = api(ask.get("api").asText());
    short version = (short) ask.get("version").asInt();
    ApiMessage body = (ApiMessage) converter(api, "Request").getMethod("read", JsonNode.class,
        short.class).invoke(null, ask.get("body"), version);
    RequestHeaderData header = new RequestHeaderData()
        .setRequestApiKey(api.id).setRequestApiVersion(version).setCorrelationId(1)
        .setClientId(ask.has("client") ? ask.get("client").asText() : "ask");
    short headerVersion = api.requestHeaderVersion(version);
    ObjectSerializationCache cache = new ObjectSerializationCache();
    int size = header.size(cache, headerVersion) + body.size(cache, version);
    ByteBuffer buffer = ByteBuffer.allocate(size + 4);
    buffer.putInt(size);
    ByteBufferAccessor accessor = new ByteBufferAccessor(buffer);
    header.write(accessor, cache, headerVersion);
    body.write(accessor, cache, version);
    line.out.write(buffer.array());
    line.out.flush();
    line.open.add(new Asked(api, version));
  }

  private static JsonNode receive(Line line) throws Exception {
    Asked asked = line.open.remove();
    byte[] bytes = new byte[line.in.readInt()];
    line.in.readFully(bytes);
    ByteBufferAccessor accessor = new ByteBufferAccessor(ByteBuffer.wrap(bytes));
    new ResponseHeaderData(accessor, asked.api.responseHeaderVersion(asked.version));
    ApiMessage body = asked.api.messageType.newResponse();
    body.read(accessor, asked.version);
    ObjectNode answer = (ObjectNode) converter(asked.api, "Response").getMethod("write",
        body.getClass(), short.class, boolean.class).invoke(null, body, asked.version, true);
    if (accessor.remaining() > 0) answer.put("bytesLeft", accessor.remaining());
    return answer;
  }

  private static ApiKeys api(String name) {
    for (ApiKeys api : ApiKeys.values())
      if (api.name.equals(name)) return api;
    throw new IllegalArgumentException("no API " + name);
  }

  private static Class<?> converter(ApiKeys api, String kind) throws Exception {
    return Class.forName(
        "org.apache.kafka.common.message." + api.messageType.name + kind + "DataJsonConverter");
  }
}
