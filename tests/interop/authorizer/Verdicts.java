// SPDX-License-Identifier: Apache-2.0
// Verdicts of Apache Kafka's StandardAuthorizer, the counterpart of verdicts.cc; lines of cells
// with tabs between them, on stdin:
//   S super.users allow.everyone.if.no.acl.found      no ACLs any more
//   A resource pattern name principal host operation permission
//   Q principal host operation resource name count    → one line: ALLOWED or DENIED, audit line
//   T principal host operation resource               → one line: some resource of that type
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Method;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.metrics.internals.PluginMetricsImpl;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.security.auth.KafkaPrincipal;
import org.apache.kafka.common.security.auth.SecurityProtocol;
import org.apache.kafka.common.utils.SecurityUtils;
import org.apache.kafka.metadata.authorizer.StandardAcl;
import org.apache.kafka.metadata.authorizer.StandardAuthorizer;
import org.apache.kafka.metadata.authorizer.StandardAuthorizerData;
import org.apache.kafka.server.authorizer.Action;
import org.apache.kafka.server.authorizer.AuthorizableRequestContext;

public class Verdicts {
    record Context(KafkaPrincipal principal, InetAddress clientAddress)
            implements AuthorizableRequestContext {
        public String listenerName() { return "PLAINTEXT"; }
        public SecurityProtocol securityProtocol() { return SecurityProtocol.PLAINTEXT; }
        public int requestType() { return ApiKeys.METADATA.id; }
        public int requestVersion() { return 9; }
        public String clientId() { return "client"; }
        public int correlationId() { return 1; }
    }

    static final Metrics REGISTRY = new Metrics();
    static PluginMetricsImpl metrics;
    static StandardAuthorizer authorizer;
    static Map<Uuid, StandardAcl> acls = new LinkedHashMap<>();
    static boolean loaded;
    static Method findRule;
    static Method auditMessage;

    static Object data() throws Exception {
        var field = StandardAuthorizer.class.getDeclaredField("data");
        field.setAccessible(true);
        return field.get(authorizer);
    }

    static void begin(String[] cells) throws Exception {
        if (metrics != null) metrics.close();
        metrics = new PluginMetricsImpl(REGISTRY, Map.of());
        Map<String, Object> configs = new HashMap<>();
        configs.put("super.users", cells[1]);
        configs.put("allow.everyone.if.no.acl.found", cells[2]);
        configs.put("node.id", "1");
        authorizer = new StandardAuthorizer();
        authorizer.configure(configs);
        authorizer.withPluginMetrics(metrics);
        authorizer.completeInitialLoad();
        acls.clear();
        loaded = false;
    }

    static void load() {
        if (!loaded) authorizer.loadSnapshot(acls);
        loaded = true;
    }

    static Context context(String[] cells) throws Exception {
        return new Context(SecurityUtils.parseKafkaPrincipal(cells[1]),
            InetAddress.getByName(cells[2]));
    }

    static AclOperation operation(String code) {
        return AclOperation.fromCode(Byte.parseByte(code));
    }

    static ResourceType resource(String code) {
        return ResourceType.fromCode(Byte.parseByte(code));
    }

    static String judge(String[] cells) throws Exception {
        load();
        Context context = context(cells);
        Action action = new Action(operation(cells[3]),
            new ResourcePattern(resource(cells[4]), cells[5], PatternType.LITERAL),
            Integer.parseInt(cells[6]), false, false);
        String verdict = authorizer.authorize(context, List.of(action)).get(0).name();
        Object rule;
        if (isSuper(context)) {
            rule = superRule();
        } else {
            rule = findRule.invoke(data(),
                Set.of(context.principal(), new KafkaPrincipal("User", "*")),
                context.clientAddress().getHostAddress(), action);
        }
        return verdict + "\t" + auditMessage.invoke(data(), context.principal(), context, action,
            rule);
    }

    static boolean isSuper(Context context) throws Exception {
        Method method = StandardAuthorizerData.class.getDeclaredMethod("superUsers");
        method.setAccessible(true);
        return ((Set<?>) method.invoke(data())).contains(context.principal().toString());
    }

    static Object superRule() throws Exception {
        for (Class<?> one : StandardAuthorizerData.class.getDeclaredClasses()) {
            if (!one.getSimpleName().equals("SuperUserRule")) continue;
            var field = one.getDeclaredField("INSTANCE");
            field.setAccessible(true);
            return field.get(null);
        }
        throw new IllegalStateException("no rule of super users");
    }

    public static void main(String[] arguments) throws Exception {
        for (Method method : StandardAuthorizerData.class.getDeclaredMethods()) {
            if (method.getName().equals("findAclRule")) findRule = method;
            if (method.getName().equals("buildAuditMessage")) auditMessage = method;
        }
        findRule.setAccessible(true);
        auditMessage.setAccessible(true);
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        long id = 0;
        for (String line; (line = in.readLine()) != null; ) {
            String[] cells = line.split("\t", -1);
            switch (cells[0]) {
                case "S" -> begin(cells);
                case "A" -> acls.put(new Uuid(1, ++id), new StandardAcl(resource(cells[1]),
                    cells[3], PatternType.fromCode(Byte.parseByte(cells[2])), cells[4], cells[5],
                    operation(cells[6]), AclPermissionType.fromCode(Byte.parseByte(cells[7]))));
                case "Q" -> out.println(judge(cells));
                case "T" -> {
                    load();
                    out.println(authorizer.authorizeByResourceType(context(cells),
                        operation(cells[3]), resource(cells[4])).name());
                }
                default -> throw new IllegalArgumentException(line);
            }
        }
        out.flush();
    }
}
