// SPDX-License-Identifier: Apache-2.0
#include "node/replica/cold_read.h"

#include <algorithm>
#include <utility>

#include "node/replica/hosted_partition.h"

namespace moldau::replica {

std::uint64_t ColdRead::warm() const {
  const auto found = view.read(request);
  if (!found.ok() || found->range.length == 0) return 0;
  const log::FileRange& range = found->range;
  range.file->prefetch(range.position, range.length);
  // The hint comes back before the bytes are there; sendfile would wait for them on the shard.
  std::vector<std::byte> scratch(std::min<std::size_t>(range.length, std::size_t{128} << 10));
  for (std::uint64_t done = 0; done < range.length;) {
    const std::size_t want = std::min<std::uint64_t>(scratch.size(), range.length - done);
    const auto got = range.file->read(MutableBytes(scratch.data(), want), range.position + done);
    if (!got.ok() || *got == 0) break;
    done += *got;
  }
  return range.length;
}

ColdReads cold_reads_of(const std::vector<ReadOutcome>& outcomes, std::uint32_t bytes_max) {
  ColdReads reads;
  std::uint64_t total = 0;
  for (const ReadOutcome& outcome : outcomes) {
    if (total >= bytes_max && total > 0) break;
    if (outcome.cold) reads.push_back(outcome.cold);
    total += outcome.range.length;
  }
  return reads;
}

env::Task<void> warm(env::Shard* shard, ColdReads reads, std::uint32_t bytes_max) {
  std::stable_sort(reads.begin(), reads.end(),
                   [](const auto& a, const auto& b) { return a->pool < b->pool; });
  env::OneShot<bool> finished(*shard);
  env::OneShot<bool>* slot = &finished;
  auto open = std::make_shared<std::size_t>(0);
  for (std::size_t from = 0; from < reads.size();) {
    const env::PoolId pool = reads[from]->pool;
    ColdReads mine;
    for (; from < reads.size() && reads[from]->pool == pool; ++from) mine.push_back(reads[from]);
    ++*open;
    auto work = [mine = std::move(mine), bytes_max] {
      std::uint64_t total = 0;
      for (const std::shared_ptr<const ColdRead>& read : mine) {
        total += read->warm();
        if (total >= bytes_max) return;
      }
    };
    shard->run_blocking(pool, std::move(work), [open, slot] {
      if (--*open == 0) slot->set(true);
    });
  }
  if (*open > 0) (void)co_await finished;
}

}  // namespace moldau::replica
