#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns schema/*.conf into C++ tables and typed structs (build folder) and docs/configs.md.

generate.py --cpp SCHEMA_DIR OUT_DIR    writes config_values.h and config_tables.cc
generate.py --docs SCHEMA_DIR FILE      writes the documentation page
generate.py --check SCHEMA_DIR FILE     fails if the page is not current
generate.py --unread SCHEMA_DIR SRC_DIR fails if no code reads a broker key that is honoured
"""
import os
import re
import sys

SCOPES = [  # file, struct, title, who sets it
    ("broker", "BrokerValues", "Broker", "server.properties, or BROKER resources where dynamic"),
    ("topic", "TopicValues", "Topic", "TOPIC resources"),
    ("group", "GroupValues", "Group", "GROUP resources"),
    ("client_metrics", "ClientMetricsValues", "Client metrics", "CLIENT_METRICS resources"),
    ("quota", "QuotaValues", "Client quotas", "AlterClientQuotas"),
]
CPP_TYPE = {
    "boolean": "bool", "string": "std::string", "int": "std::int32_t", "short": "std::int16_t",
    "long": "std::int64_t", "double": "double", "list": "std::vector<std::string>",
    "class": "std::string", "password": "std::string",
}
IMPORTANCE = ("high", "medium", "low")
UPDATE = {"per-broker": "kPerBroker", "cluster-wide": "kClusterWide"}
RULES = {  # attribute without a value -> enumerator of ValueRule
    "nonnull": "kNonNull", "gzip-level": "kGzipLevel", "voters": "kVoters", "servers": "kServers",
    "throttled-replicas": "kThrottledReplicas", "offset-reset": "kOffsetReset",
}


class Key:
    def __init__(self, where, name, type_, default):
        self.where, self.name, self.type, self.default = where, name, type_, default
        self.importance = self.update = None
        self.internal = self.dynamic_only = self.unique = self.nonempty = False
        self.rule, self.range, self.values, self.lookup = None, None, [], []
        self.doc, self.status, self.reason = "", "honoured", ""

    def field(self):
        return self.name.replace(".", "_").replace("-", "_")

    def nullable(self):
        return self.default is None

    def fail(self, message):
        sys.exit(f"{self.where}: {self.name}: {message}")

    def add(self, attribute):
        name, _, value = attribute.partition("=")
        if attribute in IMPORTANCE:
            self.importance = attribute
        elif attribute in UPDATE:
            self.update = attribute
        elif attribute in ("internal", "unique", "nonempty"):
            setattr(self, attribute, True)
        elif attribute == "dynamic-only":
            self.dynamic_only = True
        elif attribute in RULES:
            self.rule = RULES[attribute]
        elif name == "range":
            self.rule, self.range = "kRange", value.split("..")
        elif name in ("in", "in-any-case"):
            self.rule, self.values = "kIn" if name == "in" else "kInAnyCase", value.split("|")
        elif name == "lookup":
            for item in value.split(","):
                synonym, _, factor = item.partition("*")
                self.lookup.append((synonym, int(factor or 1)))
        else:
            self.fail(f"unknown attribute {attribute}")

    def allowed(self):
        """What values are good, for people."""
        if self.rule == "kRange":
            return f"[{self.range[0]},...{',' + self.range[1] if self.range[1] else ''}]"
        if self.rule == "kIn":
            return "[" + ", ".join(self.values) + "]"
        if self.rule == "kInAnyCase":
            return "(case insensitive) [" + ", ".join(self.values) + "]"
        text = {"kNonNull": "non-null string", "kGzipLevel": "[1,...,9] or -1",
                "kVoters": "id@host:port,...", "kServers": "host:port,...",
                "kThrottledReplicas": "[partitionId]:[brokerId],[partitionId]:[brokerId],...",
                "kOffsetReset": "[latest, earliest, by_duration:PnDTnHnMn.nS]"}.get(self.rule, "")
        if not text and self.nonempty:
            text = "non-empty list" if self.type == "list" else "non-empty string"
        return text


def parse(path):
    keys, reasons, key = [], {}, None
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        where = f"{os.path.basename(path)}:{number}"
        text = line.rstrip("\n")
        if not text.strip() or text.startswith("#"):
            continue
        if text.startswith("  = "):
            status, _, reason = text[4:].partition(" ")
            if status not in ("refused", "ignored") or not reason:
                key.fail(f"bad status line {text}")
            key.status = status
            key.reason = reasons[reason[1:]] if reason.startswith("@") else reason
        elif text.startswith("  "):
            key.doc = (key.doc + " " + text.strip()).strip()
        elif text.startswith("reason "):
            _, name, reason = text.split(" ", 2)
            reasons[name] = reason
        else:
            parts = re.findall(r'"[^"]*"|\S+', text)
            default = None if parts[2] == "null" else parts[2].strip('"')
            key = Key(where, parts[0], parts[1], default)
            key.required = parts[2] == "required"
            if key.required:
                key.default = ""
            for attribute in parts[3:]:
                key.add(attribute)
            keys.append(key)
    check(keys)
    return sorted(keys, key=lambda k: k.name.encode())


def check(keys):
    seen = set()
    for key in keys:
        if key.name in seen:
            key.fail("twice")
        seen.add(key.name)
        if key.type not in CPP_TYPE:
            key.fail(f"unknown type {key.type}")
        if not key.importance:
            key.fail("no importance")
        if not key.doc.endswith("."):
            key.fail("no sentence that says what it does")


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def write_if_changed(path, text):
    if os.path.exists(path) and open(path, encoding="utf-8").read() == text:
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)


def struct(scope, keys):
    out = [f"/// Every {scope[2].lower()} key, named as in Kafka with '_' for '.';",
           f"/// set by {scope[3]}.", "/// Thread   a value.", f"struct {scope[1]} {{"]
    for key in keys:
        cpp = CPP_TYPE[key.type]
        if key.nullable():
            cpp = f"std::optional<{cpp}>"
        initial = "{}" if key.type in ("list", "string", "class", "password") or key.nullable() \
            else " = false" if key.type == "boolean" else " = 0"
        out += [f"  {cpp} {key.field()}{initial};"]
    return out + ["};", ""]


def header(tables):
    out = ["// Generated by src/config/generate.py. Do not edit.", "#pragma once", "",
           "#include <cstdint>", "#include <optional>", "#include <string>", "#include <vector>",
           "", "namespace moldau::config {", ""]
    for scope, keys in tables:
        out += struct(scope, keys)
    return "\n".join(out + ["}  // namespace moldau::config", ""])


def key_row(key, arrays):
    fields = [f".name = {quote(key.name)}", f".type = ConfigType::k{key.type.capitalize()}"]
    if key.required:
        fields.append(".required = true")
    elif key.default is not None:
        fields.append(f".default_value = {quote(key.default)}")
    if key.rule:
        fields.append(f".rule = ValueRule::{key.rule}")
    if key.range:
        low, high = key.range
        fields.append(f".min = {low}")
        if high:
            fields += ["has_max", f".max = {high}"]
    if key.values:
        fields.append(f".values = {arrays.values(key.values)}")
    for flag in ("unique", "nonempty", "internal", "dynamic_only"):
        if getattr(key, flag):
            fields.append(f".{flag} = true")
    fields.append(f".importance = Importance::k{key.importance.capitalize()}")
    if key.update:
        fields.append(f".update_mode = UpdateMode::{UPDATE[key.update]}")
    if key.lookup:
        fields.append(f".lookup = {arrays.lookup(key.lookup)}")
    fields.append(f".documentation = {quote(key.doc)}")
    if key.status != "honoured":
        fields += [f".status = KeyStatus::k{key.status.capitalize()}",
                   f".reason = {quote(key.reason)}"]
    fields.append(f".allowed = {quote(key.allowed())}")
    return "    {" + ", ".join(f for f in fields if f != "has_max") + "},"


class Arrays:
    """Constant arrays that rows point into, each written once."""

    def __init__(self):
        self.lines, self.known = [], {}

    def add(self, prefix, type_, items):
        if (prefix, items) not in self.known:
            name = f"k{prefix}{len(self.known)}"
            self.known[(prefix, items)] = name
            self.lines.append(f"constexpr {type_} {name}[] = {{{items}}};")
        return self.known[(prefix, items)]

    def values(self, values):
        return self.add("Values", "std::string_view", ", ".join(quote(v) for v in values))

    def lookup(self, lookup):
        return self.add("Lookup", "Synonym", ", ".join(f"{{{quote(n)}, {f}}}" for n, f in lookup))


def source(tables):
    arrays = Arrays()
    body = []
    for scope, keys in tables:
        title = "".join(w.capitalize() for w in scope[0].split("_"))
        body += [f"constexpr ConfigKey k{title}Keys[] = {{"]
        body += [key_row(key, arrays) for key in keys] + ["};", ""]
        body += [f"constexpr FieldOf<{scope[1]}> k{title}Fields[] = {{"]
        body += [f"    &{scope[1]}::{key.field()}," for key in keys] + ["};", ""]
    out = ["// Generated by src/config/generate.py. Do not edit.", '#include "config/config_key.h"',
           '#include "config/field.h"', "", "namespace moldau::config {", "namespace {", ""]
    out += arrays.lines + [""] + body + ["}  // namespace", ""]
    for scope, _ in tables:
        title = "".join(w.capitalize() for w in scope[0].split("_"))
        out += [f"const ConfigSchema& {scope[0]}_schema() {{",
                f"  static constexpr ConfigSchema schema{{k{title}Keys}};", "  return schema;", "}",
                "", f"std::span<const FieldOf<{scope[1]}>> fields_of(const {scope[1]}*) {{",
                f"  return k{title}Fields;", "}", ""]
    return "\n".join(out + ["}  // namespace moldau::config", ""])


def docs(tables):
    out = ["# Configuration keys", "",
           "Generated from `src/config/schema/*.conf` by `src/config/generate.py --docs`; a test",
           "checks that it is current.", "",
           "*honoured*: it has Kafka's effect. *refused*: the node does not start, or the change",
           "is rejected, when the key has another value than the default, because what it asks",
           "for is not built yet and would protect or replicate data. *ignored*: read and checked,",
           "no effect, a warning when it is set.", ""]
    for scope, keys in tables:
        out += [f"## {scope[2]} ({len(keys)} keys)", "", f"Set by {scope[3]}.", "",
                "| key | type | default | allowed | update | status | what it does |",
                "|---|---|---|---|---|---|---|"]
        for key in keys:
            default = "(required)" if key.required else "null" if key.default is None \
                else '""' if key.default == "" else key.default
            status = key.status + (f": {key.reason}" if key.reason else "")
            cells = [f"`{key.name}`", key.type, default, key.allowed(),
                     key.update or ("read-only" if scope[0] == "broker" else ""), status, key.doc]
            out.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
        out.append("")
    return "\n".join(out)


DERIVED = {  # read through a member of BrokerConfig that stands for them
    "advertised.listeners", "broker.id", "controller.listener.names", "listeners", "log.dir",
    "log.dirs", "node.id", "process.roles", "inter.broker.listener.name",
    "listener.security.protocol.map", "metadata.log.dir", "controller.quorum.voters",
    # A quorum of more than one is refused; a quorum of this node needs nobody's address.
    "controller.quorum.bootstrap.servers", "authorizer.class.name",
    # Refused unless it is the one there is.
    "group.share.assignors"}


def unread(keys, root):
    """Honoured broker keys whose field stands nowhere outside config/: promises not kept."""
    words = set()
    for folder, _, files in os.walk(root):
        # Bounds of group configs are kept where those are checked.
        names = (["group_config.cc"] if os.path.basename(folder) == "config" else files)
        for name in names:
            if name.endswith((".h", ".cc")):
                words |= set(re.findall(r"\w+", open(os.path.join(folder, name)).read()))
    wide = {s for table in keys[1:] for k in table for s, _ in k.lookup}
    unread_keys = {k.name for k in keys[0] if k.status == "honoured" and k.field() not in words
                   and k.name not in DERIVED and k.name not in wide}
    return [f"{name} is said to be honoured and no code reads it: wire it, or say why not"
            for name in sorted(unread_keys)]


def main():
    mode, schema, target = sys.argv[1:4]
    tables = [(scope, parse(os.path.join(schema, scope[0] + ".conf"))) for scope in SCOPES]
    if mode == "--cpp":
        write_if_changed(os.path.join(target, "config_values.h"), header(tables))
        write_if_changed(os.path.join(target, "config_tables.cc"), source(tables))
    elif mode == "--docs":
        write_if_changed(target, docs(tables))
    elif mode == "--check":
        if open(target, encoding="utf-8").read() != docs(tables):
            sys.exit(f"{target} is not current: run src/config/generate.py --docs "
                     "src/config/schema docs/configs.md")
    elif mode == "--unread":
        problems = unread([table for _, table in tables], target)
        if problems:
            sys.exit("\n".join(problems))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
