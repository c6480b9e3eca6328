/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Prints where everything is.  Compiled twice, with the frozen headers and with today's: what was
 * promised must be where it was.  A member that is appended gets its line here when its release is
 * frozen; sizes of structs may grow, and are printed for the reader only.
 */
#include <ais/abi/config.h>
#include <ais/abi/crypto.h>
#include <ais/abi/group.h>
#include <ais/abi/host.h>
#include <ais/abi/ipc.h>
#include <ais/abi/parser.h>
#include <ais/abi/plugin.h>
#include <ais/abi/quorum.h>
#include <ais/abi/service.h>
#include <ais/abi/timer.h>

#include <stdio.h>

#define MEMBER(type, name) \
    printf("%s.%s %zu %zu\n", #type, #name, offsetof(struct type, name), sizeof(((struct type *)0)->name))
#define VALUE(name) printf("%s %ld\n", #name, (long)(name))
#define TEXT(name) printf("%s %s\n", #name, name)

int main(void)
{
    MEMBER(ais_bytes, data); MEMBER(ais_bytes, size);
    MEMBER(ais_ring_id, seq); MEMBER(ais_ring_id, representative); MEMBER(ais_ring_id, salt);
    MEMBER(ais_configuration, struct_size); MEMBER(ais_configuration, kind); MEMBER(ais_configuration, ring);
    MEMBER(ais_configuration, members); MEMBER(ais_configuration, joined); MEMBER(ais_configuration, left);
    MEMBER(ais_configuration, member_count); MEMBER(ais_configuration, joined_count);
    MEMBER(ais_configuration, left_count);

    MEMBER(ais_interface, id); MEMBER(ais_interface, table);
    MEMBER(ais_plugin, abi_major); MEMBER(ais_plugin, struct_size); MEMBER(ais_plugin, name);
    MEMBER(ais_plugin, version); MEMBER(ais_plugin, needs); MEMBER(ais_plugin, offers);
    MEMBER(ais_plugin, load); MEMBER(ais_plugin, unload);

    MEMBER(ais_host, struct_size); MEMBER(ais_host, log); MEMBER(ais_host, find); MEMBER(ais_host, find_self);

    MEMBER(ais_writer, struct_size); MEMBER(ais_writer, context); MEMBER(ais_writer, write);
    MEMBER(ais_saved_state, struct_size); MEMBER(ais_saved_state, flags); MEMBER(ais_saved_state, saved_by);
    MEMBER(ais_saved_state, member_count); MEMBER(ais_saved_state, members); MEMBER(ais_saved_state, bytes);
    MEMBER(ais_service_v1, struct_size); MEMBER(ais_service_v1, service_id); MEMBER(ais_service_v1, deliver);
    MEMBER(ais_service_v1, configure); MEMBER(ais_service_v1, request); MEMBER(ais_service_v1, client_open);
    MEMBER(ais_service_v1, client_close); MEMBER(ais_service_v1, save); MEMBER(ais_service_v1, merge);
    MEMBER(ais_service_v1, dump);

    MEMBER(ais_group_v1, struct_size); MEMBER(ais_group_v1, multicast); MEMBER(ais_group_v1, local_node);
    MEMBER(ais_group_v1, message_max); MEMBER(ais_group_v1, configuration); MEMBER(ais_group_v1, congested);

    MEMBER(ais_peer, struct_size); MEMBER(ais_peer, pid); MEMBER(ais_peer, uid); MEMBER(ais_peer, gid);
    MEMBER(ais_ipc_v1, struct_size); MEMBER(ais_ipc_v1, respond); MEMBER(ais_ipc_v1, notify);
    MEMBER(ais_ipc_v1, peer); MEMBER(ais_ipc_v1, set_context); MEMBER(ais_ipc_v1, context);
    MEMBER(ais_ipc_v1, hold_back); MEMBER(ais_ipc_v1, disconnect);

    MEMBER(ais_timer_v1, struct_size); MEMBER(ais_timer_v1, start); MEMBER(ais_timer_v1, cancel);
    MEMBER(ais_timer_v1, now);

    MEMBER(ais_config_v1, struct_size); MEMBER(ais_config_v1, text); MEMBER(ais_config_v1, number);
    MEMBER(ais_config_v1, count);
    MEMBER(ais_config_key, section); MEMBER(ais_config_key, key); MEMBER(ais_config_key, type);
    MEMBER(ais_config_key, minimum); MEMBER(ais_config_key, maximum); MEMBER(ais_config_key, choices);
    MEMBER(ais_config_key, fallback); MEMBER(ais_config_key, help);
    MEMBER(ais_config_schema_v1, struct_size); MEMBER(ais_config_schema_v1, key_count);
    MEMBER(ais_config_schema_v1, key_size); MEMBER(ais_config_schema_v1, keys);

    MEMBER(ais_parser_sink, struct_size); MEMBER(ais_parser_sink, context);
    MEMBER(ais_parser_sink, begin_section); MEMBER(ais_parser_sink, end_section); MEMBER(ais_parser_sink, key);
    MEMBER(ais_parser_sink, error); MEMBER(ais_parser_sink, warning);
    MEMBER(ais_parser_v1, struct_size); MEMBER(ais_parser_v1, flags); MEMBER(ais_parser_v1, parse);

    MEMBER(ais_crypto_params, struct_size); MEMBER(ais_crypto_params, local_node);
    MEMBER(ais_crypto_params, key); MEMBER(ais_crypto_params, cipher); MEMBER(ais_crypto_params, boot_salt);
    MEMBER(ais_crypto_fault, struct_size); MEMBER(ais_crypto_fault, cause);
    MEMBER(ais_crypto_fault, claimed_sender); MEMBER(ais_crypto_fault, key_id); MEMBER(ais_crypto_fault, detail);
    MEMBER(ais_crypto_v1, struct_size); MEMBER(ais_crypto_v1, key_size_min); MEMBER(ais_crypto_v1, open_session);
    MEMBER(ais_crypto_v1, close_session); MEMBER(ais_crypto_v1, overhead); MEMBER(ais_crypto_v1, cipher);
    MEMBER(ais_crypto_v1, seal); MEMBER(ais_crypto_v1, open);

    MEMBER(ais_quorum_v1, struct_size); MEMBER(ais_quorum_v1, is_primary);

    VALUE(AIS_ABI_MAJOR); VALUE(AIS_NODES_MAX);
    VALUE(AIS_OK); VALUE(AIS_ERR_INVALID); VALUE(AIS_ERR_AGAIN); VALUE(AIS_ERR_NOT_FOUND);
    VALUE(AIS_ERR_EXISTS); VALUE(AIS_ERR_TOO_BIG); VALUE(AIS_ERR_NO_MEMORY); VALUE(AIS_ERR_DENIED);
    VALUE(AIS_ERR_CORRUPT); VALUE(AIS_ERR_UNSUPPORTED); VALUE(AIS_ERR_FAILED);
    VALUE(AIS_LOG_ERROR); VALUE(AIS_LOG_WARNING); VALUE(AIS_LOG_NOTICE); VALUE(AIS_LOG_INFO); VALUE(AIS_LOG_DEBUG);
    VALUE(AIS_GUARANTEE_AGREED); VALUE(AIS_GUARANTEE_SAFE);
    VALUE(AIS_CONFIGURATION_TRANSITIONAL); VALUE(AIS_CONFIGURATION_REGULAR);
    VALUE(AIS_STATE_OWN); VALUE(AIS_NOTIFY_DROPPABLE); VALUE(AIS_PARSER_OWN_SOURCE);
    VALUE(AIS_KEY_TEXT); VALUE(AIS_KEY_NUMBER); VALUE(AIS_KEY_BOOL); VALUE(AIS_KEY_CHOICE); VALUE(AIS_KEY_ADDRESS);
    VALUE(AIS_FAULT_MALFORMED); VALUE(AIS_FAULT_VERSION); VALUE(AIS_FAULT_CIPHER); VALUE(AIS_FAULT_KEY_ID);
    VALUE(AIS_FAULT_TAG); VALUE(AIS_FAULT_REPLAY);
    VALUE(AIS_ENVELOPE_MAGIC_0); VALUE(AIS_ENVELOPE_MAGIC_1); VALUE(AIS_ENVELOPE_VERSION);

    TEXT(AIS_PLUGIN_SYMBOL); TEXT(AIS_SERVICE_INTERFACE); TEXT(AIS_GROUP_INTERFACE); TEXT(AIS_IPC_INTERFACE);
    TEXT(AIS_TIMER_INTERFACE); TEXT(AIS_CONFIG_INTERFACE); TEXT(AIS_CONFIG_SCHEMA_INTERFACE);
    TEXT(AIS_PARSER_INTERFACE); TEXT(AIS_CRYPTO_INTERFACE); TEXT(AIS_QUORUM_INTERFACE);
    return 0;
}
