// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "cli/storage.h"
#include "main/commands.h"
#include "os/file_disk.h"
#include "os/kernel_random.h"
#include "os/real_clock.h"

namespace moldau::program {

int run_storage(const std::vector<std::string>& arguments) {
  os::FileDisk disk;
  os::RealClock clock;
  os::KernelRandom random;
  return cli::storage_main(arguments, disk, clock, random, std::cout, std::cerr);
}

}  // namespace moldau::program
