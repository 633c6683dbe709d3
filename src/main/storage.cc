// SPDX-License-Identifier: Apache-2.0
#include "cli/storage.h"
#include "main/commands.h"
#include "os/file_disk.h"

namespace moldau::program {

int run_storage(const std::vector<std::string>& arguments) {
  os::FileDisk disk;
  return cli::storage_main(arguments, disk);
}

}  // namespace moldau::program
