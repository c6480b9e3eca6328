/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The headers as C11, with nothing before them, and the sizes of the first
 * release on 64-bit machines.  A struct may grow at its end; then its line grows, too.
 */
#include <ais/abi/quorum.h>
#include <ais/abi/crypto.h>
#include <ais/abi/parser.h>
#include <ais/abi/config.h>
#include <ais/abi/timer.h>
#include <ais/abi/ipc.h>
#include <ais/abi/node.h>
#include <ais/abi/group.h>
#include <ais/abi/service.h>
#include <ais/abi/plugin.h>
#include <ais/abi/host.h>
#include <ais/abi/types.h>

#if UINTPTR_MAX == UINT64_MAX
_Static_assert(sizeof(struct ais_bytes) == 16, "passed by value: never changes");
_Static_assert(sizeof(struct ais_ring_id) == 16, "inside of others: never changes");
_Static_assert(sizeof(struct ais_interface) == 16, "element of an array without a stride: never changes");
_Static_assert(sizeof(struct ais_plugin) == 56, "");
_Static_assert(sizeof(struct ais_host) == 32, "");
_Static_assert(sizeof(struct ais_configuration) == 64, "");
_Static_assert(sizeof(struct ais_service_v1) == 72, "");
_Static_assert(sizeof(struct ais_saved_state) == 40, "");
_Static_assert(sizeof(struct ais_writer) == 24, "");
_Static_assert(sizeof(struct ais_group_v1) == 48, "");
_Static_assert(sizeof(struct ais_ipc_v1) == 64, "");
_Static_assert(sizeof(struct ais_timer_v1) == 32, "");
_Static_assert(sizeof(struct ais_config_v1) == 32, "");
_Static_assert(sizeof(struct ais_config_schema_v1) == 24, "");
_Static_assert(sizeof(struct ais_config_key) == 64, "");
_Static_assert(sizeof(struct ais_parser_v1) == 16, "");
_Static_assert(sizeof(struct ais_parser_sink) == 56, "");
_Static_assert(sizeof(struct ais_crypto_v1) == 64, "");
_Static_assert(sizeof(struct ais_crypto_fault) == 24, "");
_Static_assert(sizeof(struct ais_quorum_v1) == 16, "");
_Static_assert(sizeof(struct ais_node_v1) == 40, "");
#endif

int headers_c11(void);
int headers_c11(void) { return (int)AIS_ABI_MAJOR; }
