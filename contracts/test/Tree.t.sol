// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Tree} from "./Tree.sol";
import {bound, vm} from "./Vm.sol";

/// @notice Our trees are OpenZeppelin's: the expected hashes were computed with its `merkle-tree` 1.0.8.
contract TreeTest {
    function test_build_givesTheTreeOfTheLibrary() public pure {
        bytes32[] memory hashes = new bytes32[](6);
        string[6] memory letters = ["a", "b", "c", "d", "e", "f"];
        for (uint256 i = 0; i < 6; i++) hashes[i] = Tree.leaf(abi.encode(letters[i]));
        bytes32[11] memory expected = [
            bytes32(0x6deb52b5da8fd108f79fab00341f38d2587896634c646ee52e49f845680a70c8),
            0x52426e0f1f65ff7e209a13b8c29cffe82e3acaf3dad0a9b9088f3b9a61a929c3,
            0xfd3cf45654e88d1cc5d663578c82c76f4b5e3826bacaa1216441443504538f51,
            0x8076923e76cf01a7c048400a2304c9a9c23bbbdac3a98ea3946340fdafbba34f,
            0x965b92c6cf08303cc4feb7f3e0819c436c2cec17c6f0688a6af139c9a368707c,
            0xeba909cf4bb90c6922771d7f126ad0fd11dfde93f3937a196274e1ac20fd2f5b,
            0xc62a8cfa41edc0ef6f6ae27a2985b7d39c7fea770787d7e104696c6e81f64848,
            0x9cf5a63718145ba968a01c1d557020181c5b252f665cf7386d370eddb176517b,
            0x9c15a6a0eaeed500fd9eed4cbeab71f797cefcc67bfd46683e4d2e6ff7f06d1c,
            0x9a4f64e953595df82d1b4f570d34c4f4f0cfaf729a61e9d60e83e579e1aa283e,
            0x19ba6c6333e0e9a15bf67523e0676e2f23eb8e574092552d5e888c64a4bb3681
        ];
        bytes32[] memory tree = Tree.build(hashes);
        vm.assertEq(tree.length, expected.length);
        for (uint256 i = 0; i < tree.length; i++) vm.assertEq(tree[i], expected[i]);
    }

    function test_build_givesTheRootsOfTheLibrary() public pure {
        _checkRoot(1, 0xe9abedc91ee2ae227707218396735fb7c5a37a5c0b6205559748ab731086fde1);
        _checkRoot(2, 0x4b6586e44e0a9e073d548b5975649de5be36725e7c74b3489ccded0d832b50d2);
        _checkRoot(3, 0x28c5ce03988be1b3ea4292f2331eb12074f545750fff47ff7aa7cb98179f7719);
        _checkRoot(5, 0x9fe00cbaf6dd731efbe6ba159efc5676cb25995f60ffe49edeb5ddc37cbdcb12);
        _checkRoot(8, 0x6befcf9686fe198ff1d0aa4dc299ce31f1be1819d91df5a2e403187202946084);
        _checkRoot(33, 0xed92528730c8dda9a7c50539863f9db12b324190d096c487b5b59f2f2169ae5d);
        _checkRoot(1024, 0x2055fb198edd2fbe360ec0ca8b2c6b984bd0d785072d9fcd8d2c6a02417825cb);
    }

    /// @dev The order in which the leaves are given doesn't matter.
    function testFuzz_build_sortsTheLeaves(uint256 size, uint256 turn) public pure {
        size = bound(size, 2, 33);
        turn = bound(turn, 1, size - 1);
        bytes32[] memory hashes = Tree.leaves(0, size);
        bytes32[] memory turned = new bytes32[](size);
        for (uint256 i = 0; i < size; i++) turned[(i + turn) % size] = hashes[i];
        bytes32[] memory tree = Tree.build(turned);
        vm.assertEq(tree[0], Tree.build(hashes)[0]);
        for (uint256 i = size; i < tree.length; i++) vm.assertTrue(tree[i - 1] > tree[i]);
    }

    function _checkRoot(uint256 size, bytes32 root) private pure {
        vm.assertEq(Tree.build(Tree.leaves(0, size))[0], root);
    }
}
