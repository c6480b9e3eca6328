// SPDX-License-Identifier: BSD-3-Clause

#include "mutation/consensus_watch.hpp"

#include "totem/packet.hpp"

namespace ais::mutation_test {

void ConsensusWatch::see(NodeId from, Bytes datagram) {
    totem::PacketHeader header;
    if (decode(datagram, header) != totem::Verdict::ok) {
        return;
    }
    const Bytes body = datagram.subspan(totem::PacketHeader::size);
    totem::Join join;
    totem::CommitToken token;
    if (header.type == totem::PacketType::join && decode(body, from, join)) {
        announced_[from] = join.processors.without(join.failed);
    } else if (header.type == totem::PacketType::commit_token && decode(body, token) &&
               token.hop <= token.count && from != token.members().lowest()) {
        if (!(announced_[from] == token.members())) {
            found.add("consensus: node ",
                      from.value(),
                      " has announced ",
                      announced_[from],
                      " and commits to ",
                      token.members());
        }
    }
}

}  // namespace ais::mutation_test
