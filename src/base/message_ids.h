/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The MESSAGE_ID= of each kind of journal entry. An id never changes its meaning. */
#pragma once

#define MESSAGE_ID_CONTROLLER "eede60e3409f46efbfb6c67e51ecdff8"
#define MESSAGE_ID_RELEASED "4ae2ff5336fb46fdae23dfb843a3fba7"
#define MESSAGE_ID_SUMMARY "c993d370f622412787ac0f7f0835af53"
#define MESSAGE_ID_PROGRAM "8cec2e98ebbe442a9c26171724db7692"
#define MESSAGE_ID_POWER_CLEAN "da02f221893a4e2d91aca0647188d432"
#define MESSAGE_ID_POWER_UNSAFE "1f54332037814ab496e3a6bc365a5139"
#define MESSAGE_ID_POWER_KEPT "5be0e7c2c53b44aa84887a2ae35b73ea"
