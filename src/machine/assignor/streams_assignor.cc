// SPDX-License-Identifier: Apache-2.0
#include "machine/assignor/streams_assignor.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <unordered_set>

#include "machine/assignor/hash_order.h"
#include "machine/assignor/java_heap.h"

namespace moldau::assignor {
namespace {

/// Tasks are numbered: subtopologies by id, then by partition.
using Task = std::uint32_t;

struct TaskPlace {
  TaskPlace(std::uint32_t s, std::int32_t p) : subtopology(s), partition(p) {}
  std::uint32_t subtopology;
  std::int32_t partition;
};

struct Member {
  std::size_t process = 0;
  std::int32_t count = 0;
  std::vector<Task> active;
  std::vector<Task> standby;
};

struct LeastTasks {
  bool operator()(const std::pair<std::size_t, std::int32_t>& a,
                  const std::pair<std::size_t, std::int32_t>& b) const {
    return a.second < b.second;
  }
};

/// All members of a process.
struct Process {
  std::string_view id;
  std::vector<std::size_t> members;
  std::vector<std::size_t> members_in_order;
  std::unordered_set<Task> tasks;
  std::int32_t count = 0;
  /// Members by load, while nothing but the least loaded ones gets tasks.
  std::optional<JavaHeap<std::pair<std::size_t, std::int32_t>, LeastTasks>> by_load;

  double load() const { return static_cast<double>(count) / static_cast<double>(members.size()); }
};

std::int32_t share(std::int64_t tasks, std::int64_t members) {
  return members == 0 ? 0 : static_cast<std::int32_t>((tasks + members - 1) / members);
}

/// How many tasks a member may keep; falls to what is left for the others whenever one is full.
struct Quota {
  std::int64_t tasks = 0;
  std::int64_t members = 0;
  std::int32_t per_member = 0;

  void begin(std::int64_t all, std::int64_t count) {
    tasks = all;
    members = count;
    per_member = share(tasks, members);
  }
  void has_now(std::int32_t count) {
    if (count != per_member) return;
    --members;
    tasks -= count;
    per_member = share(tasks, members);
  }
};

class Assignment {
 public:
  Assignment(std::span<const StreamsMemberSpec> specs,
             std::span<const StreamsSubtopologyTasks> subtopologies, std::int32_t replicas)
      : specs_(specs), subtopologies_(subtopologies), replicas_(replicas), members_(specs.size()) {
    number_tasks();
    find_processes();
    remember_last();
  }

  std::vector<StreamsMemberTasks> run() {
    assign_active();
    if (replicas_ > 0) assign_standby();
    return result();
  }

 private:
  struct LeastLoad {
    const std::vector<Process>* processes;
    bool operator()(std::size_t a, std::size_t b) const {
      return (*processes)[a].load() < (*processes)[b].load();
    }
  };
  using ProcessHeap = JavaHeap<std::size_t, LeastLoad>;

  void number_tasks();
  void find_processes();
  void remember_last();
  std::optional<Task> task_of(std::string_view subtopology, std::int32_t partition) const;

  Process& process_of(std::size_t member) { return processes_[members_[member].process]; }
  void give(std::size_t member, Task task, bool active);
  void give_to_least_loaded(Process& process, Task task, bool active);
  std::optional<std::size_t> least_loaded(const std::vector<std::size_t>& members,
                                          std::optional<Task> task);
  bool keep_active(std::optional<std::size_t> member, Task task);
  bool keep_standby(std::optional<std::size_t> member, Task task);
  ProcessHeap heap() const;
  /// All tasks by partition, then by subtopology.
  std::vector<Task> by_partition() const;
  void assign_active();
  void assign_standby();
  bool standby_to_least_loaded(ProcessHeap& processes, Task task);
  std::vector<StreamsMemberTasks> result() const;

  const std::span<const StreamsMemberSpec> specs_;
  const std::span<const StreamsSubtopologyTasks> subtopologies_;
  const std::int32_t replicas_;
  std::vector<std::uint32_t> by_id_;
  std::vector<Task> first_task_;  // of each subtopology in by_id_
  std::vector<TaskPlace> tasks_;
  std::vector<Member> members_;
  std::vector<Process> processes_;
  std::vector<std::size_t> process_order_;
  std::vector<std::optional<std::size_t>> last_active_;
  std::vector<std::vector<std::size_t>> last_standby_;
  Quota active_quota_;
  Quota quota_;
};

void Assignment::number_tasks() {
  for (std::uint32_t i = 0; i < subtopologies_.size(); ++i) by_id_.push_back(i);
  std::sort(by_id_.begin(), by_id_.end(), [&](std::uint32_t a, std::uint32_t b) {
    return subtopologies_[a].id < subtopologies_[b].id;
  });
  std::int64_t all = 0;
  for (const std::uint32_t index : by_id_) {
    const StreamsSubtopologyTasks& subtopology = subtopologies_[index];
    first_task_.push_back(static_cast<Task>(tasks_.size()));
    for (std::int32_t i = 0; i < subtopology.tasks; ++i) tasks_.emplace_back(index, i);
    all += subtopology.tasks;
    if (subtopology.is_stateful) all += std::int64_t{subtopology.tasks} * replicas_;
  }
  const auto members = static_cast<std::int64_t>(specs_.size());
  active_quota_.begin(static_cast<std::int64_t>(tasks_.size()), members);
  quota_.begin(all, members);
}

void Assignment::find_processes() {
  std::vector<std::string_view> ids;
  for (const StreamsMemberSpec& spec : specs_) ids.push_back(spec.member_id);
  std::map<std::string_view, std::size_t> known;
  std::vector<std::string_view> process_ids;
  for (const std::size_t i : java_hash_order(ids)) {
    const auto [at, is_new] = known.emplace(specs_[i].process_id, processes_.size());
    if (is_new) {
      processes_.emplace_back().id = specs_[i].process_id;
      process_ids.push_back(specs_[i].process_id);
    }
    members_[i].process = at->second;
    processes_[at->second].members.push_back(i);
  }
  process_order_ = java_hash_order(process_ids, specs_.size());
  for (Process& process : processes_) {
    std::vector<std::string_view> own;
    for (const std::size_t i : process.members) own.push_back(specs_[i].member_id);
    for (const std::size_t i : java_hash_order(own)) {
      process.members_in_order.push_back(process.members[i]);
    }
  }
}

std::optional<Task> Assignment::task_of(std::string_view subtopology,
                                        std::int32_t partition) const {
  const auto at = std::lower_bound(
      by_id_.begin(), by_id_.end(), subtopology,
      [&](std::uint32_t index, std::string_view id) { return subtopologies_[index].id < id; });
  if (at == by_id_.end() || subtopologies_[*at].id != subtopology) return std::nullopt;
  if (partition < 0 || partition >= subtopologies_[*at].tasks) return std::nullopt;
  const auto place = static_cast<std::size_t>(at - by_id_.begin());
  return first_task_[place] + static_cast<Task>(partition);
}

void Assignment::remember_last() {
  last_active_.resize(tasks_.size());
  last_standby_.resize(tasks_.size());
  std::vector<std::string_view> ids;
  for (const StreamsMemberSpec& spec : specs_) ids.push_back(spec.member_id);
  for (const std::size_t member : java_hash_order(ids)) {
    for (const auto& [subtopology, partitions] : specs_[member].active) {
      for (const std::int32_t partition : partitions) {
        if (const auto task = task_of(subtopology, partition)) last_active_[*task] = member;
      }
    }
    for (const auto& [subtopology, partitions] : specs_[member].standby) {
      for (const std::int32_t partition : partitions) {
        if (const auto task = task_of(subtopology, partition)) {
          last_standby_[*task].push_back(member);
        }
      }
    }
  }
}

void Assignment::give(std::size_t member, Task task, bool active) {
  Member& to = members_[member];
  Process& process = processes_[to.process];
  ++process.count;
  process.tasks.insert(task);
  (active ? to.active : to.standby).push_back(task);
  ++to.count;
  if (active) active_quota_.has_now(to.count);
  quota_.has_now(to.count);
}

void Assignment::give_to_least_loaded(Process& process, Task task, bool active) {
  if (process.members.size() == 1) return give(process.members.front(), task, active);
  if (!process.by_load) {
    process.by_load.emplace(LeastTasks());
    for (const std::size_t i : process.members_in_order) {
      process.by_load->add({i, members_[i].count});
    }
  }
  const std::size_t member = process.by_load->poll().first;
  give(member, task, active);
  process.by_load->add({member, members_[member].count});
}

/// Apache's search, with two habits of its own: later members replace the first only if both
/// their process and they themselves have less, and whether the process has the task already is
/// asked of the first one's process only.
std::optional<std::size_t> Assignment::least_loaded(const std::vector<std::size_t>& members,
                                                    std::optional<Task> task) {
  if (members.empty()) return std::nullopt;
  std::size_t best = members.front();
  const Process& first = process_of(best);
  double load = first.load();
  std::int32_t count = members_[best].count;
  for (std::size_t i = 1; i < members.size(); ++i) {
    const Process& process = process_of(members[i]);
    if (process.load() >= load || (task && process.tasks.contains(*task))) continue;
    if (members_[members[i]].count >= count) continue;
    load = process.load();
    count = members_[members[i]].count;
    best = members[i];
  }
  if (task && first.tasks.contains(*task)) return std::nullopt;
  return best;
}

bool Assignment::keep_active(std::optional<std::size_t> member, Task task) {
  if (!member || members_[*member].count >= active_quota_.per_member) return false;
  give(*member, task, true);
  process_of(*member).by_load.reset();
  return true;
}

bool Assignment::keep_standby(std::optional<std::size_t> member, Task task) {
  if (!member || members_[*member].count >= quota_.per_member) return false;
  give(*member, task, false);
  process_of(*member).by_load.reset();
  return true;
}

Assignment::ProcessHeap Assignment::heap() const {
  ProcessHeap out(LeastLoad{&processes_});
  for (const std::size_t i : process_order_) out.add(i);
  return out;
}

std::vector<Task> Assignment::by_partition() const {
  std::vector<Task> out(tasks_.size());
  std::iota(out.begin(), out.end(), Task{0});
  std::stable_sort(out.begin(), out.end(),
                   [&](Task a, Task b) { return tasks_[a].partition < tasks_[b].partition; });
  return out;
}

void Assignment::assign_active() {
  std::vector<Task> left = by_partition();
  std::erase_if(left, [&](Task task) { return keep_active(last_active_[task], task); });
  std::erase_if(left, [&](Task task) {
    return keep_active(least_loaded(last_standby_[task], std::nullopt), task);
  });
  std::sort(left.begin(), left.end());
  ProcessHeap processes = heap();
  if (processes.is_empty()) return;
  for (const Task task : left) {
    const std::size_t process = processes.poll();
    give_to_least_loaded(processes_[process], task, true);
    processes.add(process);
  }
}

void Assignment::assign_standby() {
  std::vector<std::pair<Task, std::int32_t>> left;
  std::vector<Task> all = by_partition();
  std::reverse(all.begin(), all.end());
  for (const Task task : all) {
    if (!subtopologies_[tasks_[task].subtopology].is_stateful) continue;
    for (std::int32_t i = 0; i < replicas_; ++i) {
      const auto active = last_active_[task];
      if (active && !process_of(*active).tasks.contains(task) && keep_standby(active, task)) {
        continue;
      }
      if (keep_standby(least_loaded(last_standby_[task], task), task)) continue;
      left.emplace_back(task, replicas_ - i);
      break;
    }
  }
  std::sort(left.rbegin(), left.rend());
  ProcessHeap processes = heap();
  for (const auto& [task, replicas] : left) {
    for (std::int32_t i = 0; i < replicas; ++i) {
      if (!standby_to_least_loaded(processes, task)) break;
    }
  }
}

bool Assignment::standby_to_least_loaded(ProcessHeap& processes, Task task) {
  std::vector<std::size_t> polled;
  bool is_given = false;
  while (!is_given && !processes.is_empty()) {
    polled.push_back(processes.poll());
    Process& process = processes_[polled.back()];
    if (process.tasks.contains(task)) continue;
    give_to_least_loaded(process, task, false);
    is_given = true;
  }
  while (!polled.empty()) {
    processes.add(polled.back());
    polled.pop_back();
  }
  return is_given;
}

std::vector<StreamsMemberTasks> Assignment::result() const {
  std::vector<StreamsMemberTasks> out(members_.size());
  const auto put = [&](StreamsTasks& to, const std::vector<Task>& tasks) {
    for (const Task task : tasks) {
      const TaskPlace& place = tasks_[task];
      to[std::string(subtopologies_[place.subtopology].id)].insert(place.partition);
    }
  };
  for (std::size_t i = 0; i < members_.size(); ++i) {
    put(out[i].active, members_[i].active);
    put(out[i].standby, members_[i].standby);
  }
  return out;
}

}  // namespace

std::vector<StreamsMemberTasks> assign_streams_tasks(
    std::span<const StreamsMemberSpec> members,
    std::span<const StreamsSubtopologyTasks> subtopologies, std::int32_t standby_replicas) {
  return Assignment(members, subtopologies, standby_replicas).run();
}

}  // namespace moldau::assignor
