// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Merkle trees by the rules of OpenZeppelin's `merkle-tree`.
/// @dev A tree of n leaves is a flat array of 2n - 1 hashes. The root comes first; the children of node i
/// are 2i + 1 and 2i + 2; the leaves, sorted by hash, stand at the end, the smallest one last.
/// Written for tests: plain rather than cheap.
library Tree {
    /// @notice The hash of a leaf: hashed twice, so that no leaf is the hash of 64 bytes, as a node is.
    function leaf(bytes memory encoded) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(encoded)));
    }

    /// @notice The hash of an inner node: that of its two children, the smaller one first.
    function node(bytes32 a, bytes32 b) internal pure returns (bytes32) {
        return keccak256(pair(a, b));
    }

    /// @notice The 64 bytes that an inner node is the hash of.
    function pair(bytes32 a, bytes32 b) internal pure returns (bytes memory) {
        return a < b ? bytes.concat(a, b) : bytes.concat(b, a);
    }

    /// @notice The leaves of made-up diary entries, numbered from `firstSeq`.
    function leaves(uint64 firstSeq, uint256 count) internal pure returns (bytes32[] memory hashes) {
        hashes = new bytes32[](count);
        for (uint256 i = 0; i < count; i++) {
            uint64 seq = firstSeq + uint64(i);
            uint64 time = 1632124800 + seq;
            uint8 entry = 1;
            bytes32 noSubject = 0;
            bytes32 commitment = bytes32(uint256(seq));
            hashes[i] = leaf(abi.encode(seq, entry, address(0xA11CE), time, noSubject, commitment));
        }
    }

    /// @notice The tree over some leaves, at least one.
    function build(bytes32[] memory hashes) internal pure returns (bytes32[] memory tree) {
        uint256 length = 2 * hashes.length - 1;
        tree = new bytes32[](length);
        for (uint256 i = 0; i < hashes.length; i++) {
            // Insertion into those placed already: they grow from the end towards the front.
            uint256 place = length - 1 - i;
            for (; place < length - 1 && tree[place + 1] > hashes[i]; place++) tree[place] = tree[place + 1];
            tree[place] = hashes[i];
        }
        for (uint256 i = hashes.length - 1; i > 0; i--) {
            tree[i - 1] = node(tree[2 * i - 1], tree[2 * i]);
        }
    }

    /// @notice The inclusion proof of a node: its sibling, its parent's sibling and so on below the root.
    function proof(bytes32[] memory tree, uint256 index) internal pure returns (bytes32[] memory siblings) {
        uint256 depth = 0;
        for (uint256 i = index; i > 0; i = (i - 1) / 2) depth++;
        siblings = new bytes32[](depth);
        for (uint256 i = 0; i < depth; i++) {
            siblings[i] = tree[index % 2 == 1 ? index + 1 : index - 1];
            index = (index - 1) / 2;
        }
    }

    /// @notice Where a leaf stands in a tree.
    function indexOf(bytes32[] memory tree, bytes32 hash) internal pure returns (uint256 index) {
        index = tree.length / 2;
        while (tree[index] != hash) index++;
    }
}
