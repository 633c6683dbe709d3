// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "env/fake/fake_disk.h"

namespace moldau::env::fake {

/// An open file of a fake disk; dead once its process is.
/// Thread   one thread.
class FakeFile final : public File {
 public:
  FakeFile(FakeDisk& disk, DiskNode::Ptr node, std::string path, bool writable)
      : disk_(disk),
        node_(std::move(node)),
        path_(std::move(path)),
        incarnation_(disk.incarnation_),
        writable_(writable) {}

  using File::write;
  Result<void> write(std::span<const ByteView> parts, std::uint64_t position) override;
  using File::read;
  Result<std::size_t> read(MutableBytes into, std::uint64_t position) override;
  Result<std::size_t> read_cached(MutableBytes into, std::uint64_t position) override;
  bool is_cached(std::uint64_t position, std::uint64_t length) override;
  Result<std::uint64_t> size() override;
  Result<void> truncate(std::uint64_t size) override;
  Result<void> allocate(std::uint64_t size) override;
  Result<void> sync() override;
  void prefetch(std::uint64_t, std::uint64_t) override {}
  int descriptor() const override { return -1; }

 private:
  Result<void> usable(const char* what, bool for_writing) const;

  FakeDisk& disk_;
  const DiskNode::Ptr node_;
  const std::string path_;
  const std::uint64_t incarnation_;
  const bool writable_;
};

}  // namespace moldau::env::fake
