// SPDX-License-Identifier: Apache-2.0
#include "machine/txn/txn_machine.h"
