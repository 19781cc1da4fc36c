/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The journal's MESSAGE_ID of each kind of entry. An id never changes its meaning. */
#pragma once

#define MESSAGE_ID_CONTROLLER "eede60e3409f46efbfb6c67e51ecdff8"
#define MESSAGE_ID_RELEASED "4ae2ff5336fb46fdae23dfb843a3fba7"
#define MESSAGE_ID_SUMMARY "c993d370f622412787ac0f7f0835af53"
