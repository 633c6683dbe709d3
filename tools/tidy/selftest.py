# SPDX-License-Identifier: Apache-2.0
"""tidy's own test: each bad snippet must be found, each good one must pass."""

import sys
import unittest

from checks import check
from layers import parse
from report import Finding, apply_exceptions
from rules_layers import check_targets
from source import Source

LAYERS = '''
folder base 0 things
folder wire 1 messages
folder env 1 the seam
folder env/fake 2 lies <- env
folder record 2 batches
folder machine/image 3 images
folder machine/raft 4 votes
folder machine/group 4 groups
folder log 5 logs <- machine/raft
folder os 5 system calls
folder node/quorum 7 hosts <- log machine/* ; tests os
folder main 12 all <- *
open base wire
open env outside machine
open machine/image
header sys/* in os
header mutex in os
header gtest/* in sim tests
call steady_clock::now in os
call ::open in os
call getenv in os tests
machine co_await std::function
global base/sink.cc
'''
TOP = '// SPDX-License-Identifier: Apache-2.0\n'
README = 'Purpose: x. Entry point: y. Does not: z.\n'


def rules(files, readmes=True):
    """The rules that find something in these files (path to code, without the licence line)."""
    sources = []
    for path, code in files.items():
        top = TOP + ('#pragma once\n' if path.endswith('.h') else '')
        if path.endswith('.py'):
            top = TOP.replace('//', '#')
        sources.append(Source(path, top + code))
        readme = path.rsplit('/', 1)[0] + '/README.md'
        if readmes and all(s.path != readme for s in sources):
            sources.append(Source(readme, README))
    return {finding.rule for finding in check(sources, parse(LAYERS))}


def one(code, path='src/log/x.cc'):
    return rules({path: code})


class Includes(unittest.TestCase):
    def test_allowed(self):
        files = {'src/log/x.cc': '#include "log/y.h"\n#include "base/b.h"\n#include <vector>\n'
                                 '#include "machine/raft/r.h"\n#include "env/e.h"\n',
                 'src/log/y.h': '', 'src/base/b.h': '', 'src/machine/raft/r.h': '',
                 'src/env/e.h': ''}
        self.assertEqual(rules(files), set())

    def test_upward(self):
        self.assertIn('layer', rules({'src/base/x.h': '#include "log/y.h"\n', 'src/log/y.h': ''}))

    def test_sideways_without_an_edge(self):
        files = {'src/log/x.cc': '#include "machine/group/g.h"\n', 'src/machine/group/g.h': ''}
        self.assertIn('layer', rules(files))

    def test_same_floor(self):
        files = {'src/machine/raft/x.cc': '#include "machine/group/g.h"\n',
                 'src/machine/group/g.h': ''}
        self.assertIn('layer', rules(files))

    def test_env_is_closed_to_machines(self):
        files = {'src/machine/raft/x.cc': '#include "env/e.h"\n', 'src/env/e.h': ''}
        self.assertIn('layer', rules(files))

    def test_fake_only_in_tests(self):
        files = {'src/log/x.cc': '#include "env/fake/f.h"\n', 'src/env/fake/f.h': ''}
        self.assertIn('layer', rules(files))
        files = {'src/log/x_test.cc': '#include "env/fake/f.h"\n', 'src/env/fake/f.h': ''}
        self.assertEqual(rules(files), set())

    def test_second_column_is_for_tests(self):
        files = {'src/node/quorum/x_test.cc': '#include "os/f.h"\n', 'src/os/f.h': ''}
        self.assertEqual(rules(files), set())
        files = {'src/node/quorum/x.cc': '#include "os/f.h"\n', 'src/os/f.h': ''}
        self.assertIn('layer', rules(files))

    def test_unknown_folder_and_relative_path(self):
        self.assertIn('layer', one('', 'src/elsewhere/x.cc'))
        self.assertIn('include', one('#include "../base/b.h"\n'))
        self.assertIn('include', one('#include "log/missing.h"\n'))

    def test_foreign(self):
        self.assertIn('foreign', one('#include <sys/socket.h>\n'))
        self.assertIn('foreign', one('#include <boost/any.hpp>\n'))
        self.assertEqual(one('#include <sys/socket.h>\n', 'src/os/x.cc'), set())
        self.assertEqual(one('// #include <sys/socket.h>\n'), set())

    def test_targets(self):
        cmake = {'src/base/CMakeLists.txt': 'moldau_library(b fmt)',
                 'src/log/CMakeLists.txt': 'moldau_library(l b TEST_DEPS f)',
                 'src/env/fake/CMakeLists.txt': 'moldau_library(f)'}
        self.assertEqual(list(check_targets(cmake, parse(LAYERS))), [])
        cmake['src/base/CMakeLists.txt'] = 'moldau_library(b l)'
        self.assertEqual(len(list(check_targets(cmake, parse(LAYERS)))), 1)


class Calls(unittest.TestCase):
    def test_clock(self):
        self.assertIn('call', one('auto f() { return std::chrono::steady_clock::now(); }\n'))
        self.assertEqual(one('auto f(Clock& c) { return c.now(); }\n'), set())
        self.assertEqual(one('const char* kText = "steady_clock::now()";\n'
                             .replace('const char*', 'constexpr const char*')), set())

    def test_system_calls(self):
        self.assertIn('call', one('int f() { return ::open("x", 0); }\n'))
        self.assertEqual(one('auto f() { return disk.open("x"); }\n'), set())
        self.assertEqual(one('auto f() { return Disk::open("x"); }\n'), set())
        self.assertIn('call', one('auto f() { return getenv("x"); }\n'))
        self.assertEqual(one('auto f() { return getenv("x"); }\n', 'src/log/x_test.cc'), set())

    def test_machines(self):
        path = 'src/machine/raft/x.cc'
        self.assertIn('machine', one('Task<void> f() {\n  co_await g();\n}\n', path))
        self.assertIn('machine', one('void f(std::function<void()> g);\n', path))
        self.assertIn('machine', one('void f(const std::map<Node*, int>& m);\n', path))
        self.assertEqual(one('// co_await\nvoid f();\n', path), set())


class Sizes(unittest.TestCase):
    def test_lines(self):
        self.assertIn('line-length', one('// ' + 'x' * 100 + '\n'))
        self.assertIn('file-length', one('\n' * 801))

    def test_functions(self):
        body = '  g();\n' * 69
        for head in ('int f() {', 'A::A(int a) : a_{a}, b_(1) {', 'TEST(A, B) {',
                     'struct A f(int x) const noexcept {', 'bool operator()(int a) {',
                     'template <class T>\nauto f(T t) -> Result<T> {'):
            self.assertIn('function-length', one(head + '\n' + body + '}\n'), head)
        self.assertEqual(one('int f() {\n' + '  g();\n' * 68 + '}\n'), set())

    def test_class_is_no_function(self):
        code = 'namespace a {\nstruct B {\n' + '  int f() { return 1; }\n' * 80 + '};\n}\n'
        self.assertEqual(one(code), set())

    def test_python(self):
        code = 'def f():\n' + '    g()\n' * 71
        self.assertIn('function-length', one(code, 'tools/x.py'))

    def test_exceptions(self):
        finding = Finding('file-length', 'a.cc', 1, '', 900)
        self.assertEqual(len(apply_exceptions([finding], 'ceiling 0')), 1)
        listed = 'ceiling 1\nfile-length a.cc {}  because'
        self.assertEqual(apply_exceptions([finding], listed.format(900)), [])
        self.assertEqual(len(apply_exceptions([finding], listed.format(899))), 1)
        self.assertEqual(len(apply_exceptions([finding], listed.format(901))), 1)
        self.assertEqual(len(apply_exceptions([], listed.format(900))), 1)
        self.assertEqual(len(apply_exceptions([finding], 'ceiling 0\nfile-length a.cc 900 x')), 1)
        self.assertEqual(len(apply_exceptions([], 'ceiling 1')), 1)


class Code(unittest.TestCase):
    def test_names(self):
        for code in ('class LogManager {};\n', 'struct PartitionInfo {};\n', 'using X_Data = int;\n'
                     .replace('X_', 'Log'), 'enum class IoUtil { kA };\n'):
            self.assertIn('name', one(code), code)
        self.assertIn('name', one('', 'src/log/log_utils.cc'))
        self.assertEqual(one('struct Database {};\nauto data() { return 1; }\n'), set())

    def test_thread_line(self):
        bad = '/// A log.\nclass Log {\n};\n'
        good = ('/// A log.\n/// Thread   its shard.\n'
                'template <class T>\nclass Log : public B {\n};\n')
        self.assertIn('thread-line', one(bad, 'src/log/x.h'))
        self.assertEqual(one(good, 'src/log/x.h'), set())
        self.assertEqual(one('class Log;\nenum class E { kA };\n', 'src/log/x.h'), set())

    def test_globals(self):
        for code in ('int counter = 0;\n', 'namespace a {\nstd::atomic<int> x{0};\n}\n',
                     'class A {\n  static int count_;\n};\n', 'std::map<int, int> table;\n',
                     'void f() {\n  static int calls = 0;\n}\n', 'static thread_local int x;\n',
                     'namespace {\nstd::vector<int> v;\n}\n'):
            self.assertIn('global', one(code), code)
        for code in ('constexpr int kA = 1;\n', 'const std::string a = f();\n',
                     'int f();\nint g(int a);\n',
                     'class A {\n  int x_ = 0;\n  std::string b_;\n};\n',
                     'void f() {\n  static const int a = 1;\n  static_assert(true);\n}\n',
                     'class A;\nusing B = int;\nA operator+(A a, A b);\n',
                     'struct A {\n  static A make();\n  int f() const { return 1; }\n} ;\n',
                     'A::B A::f(int x) const { int y = x; return y; }\n',
                     'enum class E : int { kA = 1, kB };\n'):
            self.assertEqual(one(code), set(), code)
        self.assertEqual(one('int counter = 0;\n', 'src/base/sink.cc'), set())

    def test_sleeps(self):
        code = 'void f() { std::this_thread::sleep_for(x); }\n'
        self.assertIn('sleep', one(code, 'src/log/x_test.cc'))

    def test_fuzzers(self):
        header = 'Result<int> parse_thing(ByteView bytes);\n'
        self.assertIn('fuzz', one(header, 'src/log/x.h'))
        files = {'src/log/x.h': header, 'src/log/x_fuzz.cc': '#include "log/x.h"\n'}
        self.assertEqual(rules(files), set())

    def test_raw_offsets(self):
        self.assertIn('raw-offset', one('void f(std::int64_t base_offset);\n', 'src/log/x.h'))


class Coroutines(unittest.TestCase):
    def test_good(self):
        body = '''Task<int> f(A& a, std::string name) {
  auto x = co_await g(a, std::move(name));
  const auto y = co_await a.h(1);
  Result<int> z = co_await a.h(Offset(2));
  co_await a->done();
  if (x) {
    co_await a.done();
  }
  if (x) co_await a.done();
  for (;;) {
    x = co_await g(a, b);
  }
  (void)co_await g(a);
  auto w = co_await on(a, [] { return 21; });
  co_return co_await g(a);
}
'''
        self.assertEqual(one(body), set())

    def test_bad(self):
        for line in ('if (co_await g()) {}', 'while (co_await g()) {}', 'switch (co_await g()) {}',
                     'h(co_await g());', 'auto x = 1 + co_await g();', 'auto x = (co_await g());',
                     'return_it(1, co_await g());', 'auto x = co_await g({1, 2});',
                     'auto x = co_await g(A{1});', 'auto x = co_await g(a ? b : c);',
                     'auto x = co_await g([a](int b) { return a; });',
                     'auto x = (co_await g()).value();', 'auto x = co_await g(co_await h());',
                     'try {\n  } catch (int) {\n    co_await g();\n  }',
                     'auto x = !co_await g();', 'MOLDAU_TRY(co_await g());'):
            self.assertIn('coroutine', one('Task<int> f() {\n  ' + line + '\n}\n'), line)

    def test_lambdas(self):
        bad = 'void f() {\n  spawn([this, x]() -> Task<void> {\n    co_await g();\n  });\n}\n'
        self.assertIn('coroutine', one(bad))
        good = ('void f() {\n  spawn([](A* a) -> Task<void> {\n'
                '    co_await a->g();\n  }(this));\n}\n')
        self.assertEqual(one(good), set())

    def test_aggregates(self):
        plain = 'struct Options {\n  std::string name;\n};\nTask<int> f(Options options);\n'
        self.assertIn('coroutine', one(plain))
        built = ('struct Options {\n  Options() {}\n  std::string name;\n};\n'
                 'Task<int> f(Options o);\n')
        self.assertEqual(one(built), set())
        self.assertEqual(one(plain.replace('Options options', 'const Options& options')), set())


class Text(unittest.TestCase):
    def test_licence(self):
        found = {f.rule for f in check([Source('src/log/x.cc', 'int f();\n'),
                                        Source('src/log/README.md', README)], parse(LAYERS))}
        self.assertIn('licence', found)

    def test_notes_and_paths(self):
        self.assertIn('note', one('// TO' 'DO: later\n'))
        self.assertIn('machine-path', one('// see /wo' 'rk/x/y\n'))
        self.assertEqual(one('// a path/work/x and /tmp/kraft-combined-logs\n'), set())

    def test_space(self):
        self.assertIn('space', one('int f(); \n'))
        self.assertIn('space', one('\tint f();\n'))
        self.assertIn('space', one('int f();'))

    def test_pragma(self):
        found = {f.rule for f in check([Source('src/log/x.h', TOP),
                                        Source('src/log/README.md', README)], parse(LAYERS))}
        self.assertIn('header', found)

    def test_readme(self):
        self.assertIn('readme', rules({'src/log/x.cc': ''}, readmes=False))

    def test_strings_are_no_code(self):
        self.assertEqual(one('constexpr auto kA = R"(co_await steady_clock::now() { )";\n'
                             "constexpr char kB = '{';\nconstexpr int kC = 1'000'000;\n"), set())


if __name__ == '__main__':
    sys.exit(unittest.main())
