// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {DiaryLog} from "../DiaryLog.sol";
import {ADMIN_ROLE, MODERATOR_ROLE, REGISTRAR_ROLE, Refusal} from "./Refusal.sol";
import {Tree} from "./Tree.sol";
import {Vm, bound, vm} from "./Vm.sol";

/// @dev What the groups below share.
abstract contract DiaryLogTest {
    address internal constant ADMIN = address(0xAD);
    address internal constant REGISTRAR = address(0x4E6);
    address internal constant MODERATOR = address(0x30D);
    address internal constant STRANGER = address(0x57);
    bytes32 internal constant ROOT = keccak256("a root");

    DiaryLog internal log;

    function setUp() public virtual {
        log = new DiaryLog(ADMIN, REGISTRAR);
        vm.prank(ADMIN);
        log.grantRole(MODERATOR_ROLE, MODERATOR);
    }

    /// @dev Appends a batch with the next number of the log.
    function _append(bytes32 root, uint32 count) internal {
        uint64 next = log.recordCount();
        vm.prank(REGISTRAR);
        log.append(root, next, count);
    }

    /// @dev Appends a batch of made-up entries and gives back its tree.
    function _appendTree(uint256 size) internal returns (bytes32[] memory tree) {
        tree = Tree.build(Tree.leaves(log.recordCount(), size));
        _append(tree[0], uint32(size));
    }

    /// @dev Checks that a batch is refused for this reason, and that nothing changes.
    function _checkRefused(address caller, bytes32 root, uint64 firstSeq, uint32 count, bytes memory reason)
        internal
    {
        bytes32 before = _state();
        vm.prank(caller);
        vm.expectRevert(reason);
        log.append(root, firstSeq, count);
        vm.assertEq(_state(), before);
    }

    /// @dev A fingerprint of all that the log holds.
    function _state() internal view returns (bytes32 state) {
        state = keccak256(abi.encode(log.batchCount(), log.recordCount()));
        for (uint256 i = 0; i < log.batchCount(); i++) state = keccak256(abi.encode(state, log.rootOf(i)));
    }

    /// @dev A different root for each number.
    function _root(uint256 number) internal pure returns (bytes32) {
        return keccak256(abi.encode(number));
    }
}

/// @notice constructor(address,address)
contract DiaryLogConstructorTest is DiaryLogTest {
    function setUp() public override {
        log = new DiaryLog(ADMIN, REGISTRAR);
    }

    function test_constructor_beginsWithAnEmptyLog() public view {
        vm.assertEq(log.batchCount(), 0);
        vm.assertEq(log.recordCount(), 0);
    }

    function test_constructor_namesTheConstants() public view {
        vm.assertEq(log.DEFAULT_ADMIN_ROLE(), ADMIN_ROLE);
        vm.assertEq(log.REGISTRAR_ROLE(), REGISTRAR_ROLE);
        vm.assertEq(log.MODERATOR_ROLE(), MODERATOR_ROLE);
        vm.assertEq(log.MAX_BATCH_SIZE(), 1024);
    }

    function test_constructor_givesEachOneRole() public view {
        _checkRoles(ADMIN, true, false, false);
        _checkRoles(REGISTRAR, false, true, false);
    }

    function test_constructor_givesTheDeployerNoRole() public view {
        _checkRoles(address(this), false, false, false);
    }

    function test_constructor_announcesBothRoles() public {
        vm.recordLogs();
        log = new DiaryLog(ADMIN, REGISTRAR);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 2);
        _checkGranted(logs[0], ADMIN_ROLE, ADMIN);
        _checkGranted(logs[1], REGISTRAR_ROLE, REGISTRAR);
    }

    function test_constructor_takesOneAccountForBothRoles() public {
        log = new DiaryLog(ADMIN, ADMIN);
        _checkRoles(ADMIN, true, true, false);
    }

    function testFuzz_constructor_givesTheRolesToAnyone(address admin, address registrar) public {
        log = new DiaryLog(admin, registrar);
        _checkRoles(admin, true, admin == registrar, false);
        _checkRoles(registrar, admin == registrar, true, false);
    }

    function _checkRoles(address account, bool admin, bool registrar, bool moderator) private view {
        vm.assertEq(log.hasRole(ADMIN_ROLE, account), admin);
        vm.assertEq(log.hasRole(REGISTRAR_ROLE, account), registrar);
        vm.assertEq(log.hasRole(MODERATOR_ROLE, account), moderator);
    }

    function _checkGranted(Vm.Log memory entry, bytes32 role, address account) private view {
        vm.assertEq(entry.emitter, address(log));
        vm.assertEq(entry.topics.length, 4);
        vm.assertEq(entry.topics[0], IAccessControl.RoleGranted.selector);
        vm.assertEq(entry.topics[1], role);
        vm.assertEq(entry.topics[2], bytes32(uint256(uint160(account))));
        vm.assertEq(entry.topics[3], bytes32(uint256(uint160(address(this)))));
    }
}

/// @notice append(bytes32,uint64,uint32)
contract DiaryLogAppendTest is DiaryLogTest {
    function test_append_addsABatch() public {
        vm.prank(REGISTRAR);
        log.append(ROOT, 0, 3);
        vm.assertEq(log.batchCount(), 1);
        vm.assertEq(log.recordCount(), 3);
        vm.assertEq(log.rootOf(0), ROOT);
    }

    /// @dev One event and no more: its name, two topics, three fields.
    function test_append_emitsBatchAppended() public {
        _append(_root(0), 3);
        vm.recordLogs();
        _append(ROOT, 5);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 1);
        vm.assertEq(logs[0].emitter, address(log));
        vm.assertEq(logs[0].topics.length, 3);
        vm.assertEq(logs[0].topics[0], keccak256("BatchAppended(uint256,bytes32,uint64,uint32,address)"));
        vm.assertEq(logs[0].topics[1], bytes32(uint256(1)));
        vm.assertEq(logs[0].topics[2], ROOT);
        vm.assertEq(logs[0].data, abi.encode(3, 5, REGISTRAR));
    }

    function test_append_takesTheSameRootAgain() public {
        _append(ROOT, 3);
        _append(ROOT, 3);
        vm.assertEq(log.rootOf(1), ROOT);
    }

    function test_append_refusesANumberTooHigh() public {
        _checkRefused(REGISTRAR, ROOT, 1, 3, Refusal.sequence(0, 1));
        _append(ROOT, 3);
        _checkRefused(REGISTRAR, ROOT, 4, 3, Refusal.sequence(3, 4));
        _checkRefused(REGISTRAR, ROOT, type(uint64).max, 3, Refusal.sequence(3, type(uint64).max));
    }

    function test_append_refusesANumberTooLow() public {
        _append(ROOT, 3);
        _checkRefused(REGISTRAR, ROOT, 2, 3, Refusal.sequence(3, 2));
        _checkRefused(REGISTRAR, ROOT, 0, 3, Refusal.sequence(3, 0));
    }

    function test_append_refusesTheSameBatchAgain() public {
        _append(_root(0), 3);
        _append(_root(1), 5);
        _checkRefused(REGISTRAR, _root(0), 0, 3, Refusal.sequence(8, 0));
        _checkRefused(REGISTRAR, _root(1), 3, 5, Refusal.sequence(8, 3));
    }

    function test_append_refusesABatchOfNone() public {
        _checkRefused(REGISTRAR, ROOT, 0, 0, Refusal.size(0));
    }

    function test_append_refusesABatchOf1025() public {
        _checkRefused(REGISTRAR, ROOT, 0, 1025, Refusal.size(1025));
    }

    function test_append_takesABatchOf1() public {
        _append(ROOT, 1);
        vm.assertEq(log.recordCount(), 1);
    }

    function test_append_takesABatchOf1024() public {
        _append(ROOT, 1024);
        vm.assertEq(log.recordCount(), 1024);
    }

    function test_append_refusesAnEmptyRoot() public {
        _checkRefused(REGISTRAR, bytes32(0), 0, 3, Refusal.emptyRoot());
    }

    function test_append_refusesTheAdmin() public {
        _checkRefused(ADMIN, ROOT, 0, 3, Refusal.unauthorized(ADMIN, REGISTRAR_ROLE));
    }

    function test_append_refusesAModerator() public {
        _checkRefused(MODERATOR, ROOT, 0, 3, Refusal.unauthorized(MODERATOR, REGISTRAR_ROLE));
    }

    function test_append_refusesTheDeployer() public {
        _checkRefused(address(this), ROOT, 0, 3, Refusal.unauthorized(address(this), REGISTRAR_ROLE));
    }

    /// @dev Of several faults the first in this order is named. A batch that landed already is always told
    /// that its number is taken.
    function test_append_namesTheFirstFault() public {
        _append(ROOT, 3);
        _checkRefused(STRANGER, bytes32(0), 0, 0, Refusal.unauthorized(STRANGER, REGISTRAR_ROLE));
        _checkRefused(REGISTRAR, bytes32(0), 0, 0, Refusal.sequence(3, 0));
        _checkRefused(REGISTRAR, bytes32(0), 3, 0, Refusal.size(0));
        _checkRefused(REGISTRAR, bytes32(0), 3, 1, Refusal.emptyRoot());
    }

    function test_append_goesOnAfterARefusal() public {
        _append(_root(0), 3);
        _checkRefused(REGISTRAR, ROOT, 4, 3, Refusal.sequence(3, 4));
        _checkRefused(REGISTRAR, ROOT, 3, 1025, Refusal.size(1025));
        _append(_root(1), 5);
        vm.assertEq(log.batchCount(), 2);
        vm.assertEq(log.recordCount(), 8);
        vm.assertEq(log.rootOf(1), _root(1));
    }

    /// @dev A batch takes two slots: the root, then the number after its last record.
    function test_append_keepsABatchInTwoSlots() public {
        _append(_root(0), 3);
        _append(_root(1), 5);
        vm.assertEq(vm.load(address(log), bytes32(uint256(1))), bytes32(uint256(2)));
        for (uint256 i = 0; i < 2; i++) vm.assertEq(vm.load(address(log), _slot(2 * i)), _root(i));
        vm.assertEq(vm.load(address(log), _slot(1)), bytes32(uint256(3)));
        vm.assertEq(vm.load(address(log), _slot(3)), bytes32(uint256(8)));
        vm.assertEq(vm.load(address(log), _slot(4)), 0);
    }

    /// @dev No log grows that long. If one did, it would end there and never number from 0 again.
    function test_append_neverNumbersFromZeroAgain() public {
        _append(ROOT, 1);
        vm.store(address(log), _slot(1), bytes32(uint256(type(uint64).max)));
        uint64 last = type(uint64).max;
        vm.assertEq(log.recordCount(), last);
        _checkRefused(REGISTRAR, ROOT, last, 1, abi.encodeWithSignature("Panic(uint256)", 0x11));
    }

    function testFuzz_append_takesAnyRootAndSize(
        bytes32 root,
        bytes32 otherRoot,
        uint32 count,
        uint32 otherCount
    ) public {
        vm.assume(root != 0 && otherRoot != 0);
        count = uint32(bound(count, 1, 1024));
        otherCount = uint32(bound(otherCount, 1, 1024));
        vm.expectEmit(address(log));
        emit DiaryLog.BatchAppended(0, root, 0, count, REGISTRAR);
        _append(root, count);
        vm.expectEmit(address(log));
        emit DiaryLog.BatchAppended(1, otherRoot, count, otherCount, REGISTRAR);
        _append(otherRoot, otherCount);
        vm.assertEq(log.rootOf(0), root);
        vm.assertEq(log.rootOf(1), otherRoot);
        vm.assertEq(log.recordCount(), uint256(count) + otherCount);
    }

    function testFuzz_append_refusesAnyOtherNumber(uint32 count, uint64 firstSeq) public {
        count = uint32(bound(count, 1, 1024));
        vm.assume(firstSeq != count);
        _append(_root(0), count);
        _checkRefused(REGISTRAR, ROOT, firstSeq, 1, Refusal.sequence(count, firstSeq));
    }

    function testFuzz_append_refusesAnyLargerSize(uint32 count) public {
        count = uint32(bound(count, 1025, type(uint32).max));
        _checkRefused(REGISTRAR, ROOT, 0, count, Refusal.size(count));
    }

    function testFuzz_append_refusesEveryoneElse(address caller, bytes32 root, uint64 firstSeq, uint32 count)
        public
    {
        vm.assume(caller != REGISTRAR);
        _checkRefused(caller, root, firstSeq, count, Refusal.unauthorized(caller, REGISTRAR_ROLE));
    }

    /// @dev A slot of the array of batches, which the contract's own slot 1 stands for.
    function _slot(uint256 index) private pure returns (bytes32) {
        return bytes32(uint256(keccak256(abi.encode(1))) + index);
    }
}

/// @notice batchCount() and recordCount()
contract DiaryLogCountsTest is DiaryLogTest {
    function test_batchCount_countsTheBatches() public {
        for (uint256 i = 0; i < 5; i++) {
            vm.assertEq(log.batchCount(), i);
            _append(_root(i), uint32(i + 1));
        }
        vm.assertEq(log.batchCount(), 5);
    }

    function test_recordCount_isTheNextNumber() public {
        _append(ROOT, 3);
        vm.assertEq(log.recordCount(), 3);
        vm.prank(REGISTRAR);
        log.append(ROOT, 3, 1024);
        vm.assertEq(log.recordCount(), 1027);
    }

    function testFuzz_recordCount_isTheSumOfTheSizes(uint32[8] memory sizes) public {
        uint256 sum = 0;
        for (uint256 i = 0; i < sizes.length; i++) {
            uint32 size = uint32(bound(sizes[i], 1, 1024));
            _append(_root(i), size);
            sum += size;
            vm.assertEq(log.recordCount(), sum);
        }
    }
}

/// @notice batchOf(uint64)
contract DiaryLogBatchOfTest is DiaryLogTest {
    function test_batchOf_findsTheBatchesOfASmallLog() public {
        _append(_root(0), 1);
        _append(_root(1), 3);
        _append(_root(2), 1);
        uint8[5] memory expected = [0, 1, 1, 1, 2];
        for (uint64 seq = 0; seq < 5; seq++) vm.assertEq(log.batchOf(seq), expected[seq]);
    }

    function test_batchOf_refusesAnyRecordOfAnEmptyLog() public {
        vm.expectRevert(Refusal.record(0, 0));
        log.batchOf(0);
    }

    function test_batchOf_refusesTheNextRecord() public {
        _append(_root(0), 3);
        _append(_root(1), 5);
        vm.assertEq(log.batchOf(7), 1);
        vm.expectRevert(Refusal.record(8, 8));
        log.batchOf(8);
    }

    function testFuzz_batchOf_refusesAnUnknownRecord(uint32 count, uint64 seq) public {
        count = uint32(bound(count, 1, 1024));
        seq = uint64(bound(seq, count, type(uint64).max));
        _append(ROOT, count);
        vm.expectRevert(Refusal.record(seq, count));
        log.batchOf(seq);
    }

    /// @dev Every record of up to twelve small batches.
    function testFuzz_batchOf_agreesWithALinearScan(uint32[12] memory sizes, uint256 batches) public {
        batches = bound(batches, 1, sizes.length);
        for (uint256 i = 0; i < batches; i++) {
            sizes[i] = uint32(bound(sizes[i], 1, 16));
            _append(_root(i), sizes[i]);
        }
        uint64 end = log.recordCount();
        for (uint64 seq = 0; seq < end; seq++) vm.assertEq(log.batchOf(seq), _scan(sizes, seq));
    }

    /// @dev The first record, the last one and one between of batches of all sizes.
    function testFuzz_batchOf_findsBatchesOfAllSizes(uint32[12] memory sizes, uint256 pick) public {
        for (uint256 i = 0; i < sizes.length; i++) {
            sizes[i] = uint32(bound(sizes[i], 1, 1024));
            _append(_root(i), sizes[i]);
        }
        uint64 first = 0;
        for (uint256 i = 0; i < sizes.length; i++) {
            vm.assertEq(log.batchOf(first), i);
            vm.assertEq(log.batchOf(first + uint64(pick % sizes[i])), i);
            vm.assertEq(log.batchOf(first + sizes[i] - 1), i);
            first += sizes[i];
        }
    }

    /// @dev Looks through the sizes that the test appended; asks the log nothing.
    function _scan(uint32[12] memory sizes, uint64 seq) private pure returns (uint256 batch) {
        for (uint64 end = sizes[0]; end <= seq; end += sizes[batch]) batch++;
    }
}

/// @notice rootOf(uint256)
contract DiaryLogRootOfTest is DiaryLogTest {
    function test_rootOf_givesEachRoot() public {
        for (uint256 i = 0; i < 5; i++) _append(_root(i), 3);
        for (uint256 i = 0; i < 5; i++) vm.assertEq(log.rootOf(i), _root(i));
    }

    function test_rootOf_refusesAnyBatchOfAnEmptyLog() public {
        vm.expectRevert(Refusal.batch(0, 0));
        log.rootOf(0);
    }

    function testFuzz_rootOf_refusesAnUnknownBatch(uint256 batch) public {
        for (uint256 i = 0; i < 3; i++) _append(_root(i), 3);
        batch = bound(batch, 3, type(uint256).max);
        vm.expectRevert(Refusal.batch(batch, 3));
        log.rootOf(batch);
    }
}

/// @notice includes(uint256,bytes32,bytes32[])
contract DiaryLogIncludesTest is DiaryLogTest {
    function test_includes_provesEveryLeaf() public {
        for (uint256 size = 1; size <= 33; size++) {
            bytes32[] memory hashes = Tree.leaves(log.recordCount(), size);
            bytes32[] memory tree = _appendTree(size);
            for (uint256 i = 0; i < size; i++) {
                bytes32[] memory proof = Tree.proof(tree, Tree.indexOf(tree, hashes[i]));
                vm.assertTrue(log.includes(size - 1, hashes[i], proof));
            }
        }
    }

    /// @dev A batch of one is its leaf: the proof is empty.
    function test_includes_provesASingleLeaf() public {
        bytes32[] memory tree = _appendTree(1);
        vm.assertTrue(log.includes(0, tree[0], new bytes32[](0)));
        vm.assertFalse(log.includes(0, Tree.leaves(1, 1)[0], new bytes32[](0)));
    }

    function test_includes_provesALeafOfTheLargestBatch() public {
        bytes32[] memory tree = _appendTree(1024);
        for (uint256 i = 1023; i < tree.length; i += 31) {
            bytes32[] memory proof = Tree.proof(tree, i);
            vm.assertEq(proof.length, 10);
            vm.assertTrue(log.includes(0, tree[i], proof));
        }
    }

    function test_includes_refusesAnUnknownBatch() public {
        vm.expectRevert(Refusal.batch(0, 0));
        log.includes(0, ROOT, new bytes32[](0));
        _appendTree(3);
        vm.expectRevert(Refusal.batch(1, 1));
        log.includes(1, ROOT, new bytes32[](0));
    }

    /// @dev The leaves and the inner nodes, each with the proof of each.
    function test_includes_refusesTheProofOfAnother() public {
        bytes32[] memory tree = _appendTree(5);
        for (uint256 i = 0; i < 9; i++) {
            for (uint256 j = 0; j < 9; j++) {
                vm.assertEq(log.includes(0, tree[i], Tree.proof(tree, j)), i == j);
            }
        }
    }

    function test_includes_refusesAProofTooShortOrTooLong() public {
        bytes32[] memory tree = _appendTree(8);
        bytes32[] memory proof = Tree.proof(tree, 7);
        for (uint256 length = 0; length <= 6; length++) {
            bytes32[] memory other = new bytes32[](length);
            for (uint256 i = 0; i < length; i++) other[i] = proof[i % 3];
            vm.assertEq(log.includes(0, tree[7], other), length == 3);
        }
    }

    function test_includes_refusesAProofInAnotherOrder() public {
        bytes32[] memory tree = _appendTree(8);
        bytes32[] memory proof = Tree.proof(tree, 7);
        (proof[0], proof[1]) = (proof[1], proof[0]);
        vm.assertFalse(log.includes(0, tree[7], proof));
    }

    /// @dev Every single bit of every leaf and of every proof in a batch of five.
    function test_includes_refusesEveryFlippedBit() public {
        bytes32[] memory tree = _appendTree(5);
        for (uint256 i = 4; i < 9; i++) {
            bytes32[] memory proof = Tree.proof(tree, i);
            for (uint256 bit = 0; bit < 256; bit++) _checkFlips(0, tree[i], proof, bit);
        }
    }

    /// @dev Every single bit of the batch's number leads to another batch, or to none.
    function test_includes_refusesEveryFlippedBitOfTheBatch() public {
        bytes32[][4] memory trees;
        for (uint256 batch = 0; batch < 4; batch++) trees[batch] = _appendTree(5);
        for (uint256 batch = 0; batch < 4; batch++) {
            bytes32 leaf = trees[batch][4];
            bytes32[] memory proof = Tree.proof(trees[batch], 4);
            vm.assertTrue(log.includes(batch, leaf, proof));
            for (uint256 bit = 0; bit < 256; bit++) {
                uint256 other = batch ^ (1 << bit);
                if (other >= 4) vm.expectRevert(Refusal.batch(other, 4));
                bool included = log.includes(other, leaf, proof);
                if (other < 4) vm.assertFalse(included);
            }
        }
    }

    function testFuzz_includes_refusesAnyFlippedBit(uint256 size, uint256 pick, uint256 bit) public {
        _appendTree(3);
        size = bound(size, 1, 64);
        bytes32[] memory tree = _appendTree(size);
        uint256 index = bound(pick, size - 1, tree.length - 1);
        bytes32[] memory proof = Tree.proof(tree, index);
        vm.assertTrue(log.includes(1, tree[index], proof));
        vm.assertFalse(log.includes(0, tree[index], proof));
        _checkFlips(1, tree[index], proof, bit % 256);
    }

    function testFuzz_includes_refusesAnyOtherLeaf(uint256 size, uint256 pick, bytes32 leaf) public {
        size = bound(size, 1, 64);
        bytes32[] memory tree = _appendTree(size);
        uint256 index = bound(pick, size - 1, tree.length - 1);
        vm.assume(leaf != tree[index]);
        vm.assertFalse(log.includes(0, leaf, Tree.proof(tree, index)));
    }

    /// @dev The contract sees hashes and can't tell an inner node, or the root, from a leaf. So a "true"
    /// says something about a record only to a caller who hashed the leaf from the record's own fields.
    function test_includes_takesAnInnerNodeForALeaf() public {
        bytes32[] memory tree = _appendTree(5);
        for (uint256 i = 0; i < 4; i++) vm.assertTrue(log.includes(0, tree[i], Tree.proof(tree, i)));
    }

    /// @dev Why leaves are hashed twice. An inner node is the hash of 64 bytes that all can see. Were leaves
    /// hashed once, those 64 bytes would be "proved" as the content of a leaf. Hashed twice, a leaf is the
    /// hash of 32 bytes, and the 64 bytes lead nowhere. (Our leaves have 192 bytes of content, so already
    /// their length would show the forgery; the second hash makes that hold for content of any length.)
    function testFuzz_includes_refusesThe64BytesOfAnInnerNode(uint256 size, uint256 pick) public {
        size = bound(size, 2, 33);
        bytes32[] memory tree = _appendTree(size);
        uint256 inner = bound(pick, 0, size - 2);
        bytes memory forged = Tree.pair(tree[2 * inner + 1], tree[2 * inner + 2]);
        vm.assertEq(forged.length, 64);
        vm.assertTrue(log.includes(0, keccak256(forged), Tree.proof(tree, inner)));
        for (uint256 i = 0; i < tree.length; i++) {
            vm.assertFalse(log.includes(0, Tree.leaf(forged), Tree.proof(tree, i)));
        }
    }

    /// @dev Flips this bit in the leaf, then in each hash of the proof: each time the proof must fail.
    function _checkFlips(uint256 batch, bytes32 leaf, bytes32[] memory proof, uint256 bit) private view {
        bytes32 flip = bytes32(1 << bit);
        vm.assertFalse(log.includes(batch, leaf ^ flip, proof));
        for (uint256 i = 0; i < proof.length; i++) {
            proof[i] ^= flip;
            vm.assertFalse(log.includes(batch, leaf, proof));
            proof[i] ^= flip;
        }
        vm.assertTrue(log.includes(batch, leaf, proof));
    }
}

/// @notice Roles: AccessControl as the log uses it.
contract DiaryLogRolesTest is DiaryLogTest {
    function test_roles_areTheAdminsToGive() public view {
        vm.assertEq(log.getRoleAdmin(ADMIN_ROLE), ADMIN_ROLE);
        vm.assertEq(log.getRoleAdmin(REGISTRAR_ROLE), ADMIN_ROLE);
        vm.assertEq(log.getRoleAdmin(MODERATOR_ROLE), ADMIN_ROLE);
    }

    function test_grantRole_letsARegistrarAppend() public {
        _checkRefused(STRANGER, ROOT, 0, 3, Refusal.unauthorized(STRANGER, REGISTRAR_ROLE));
        vm.expectEmit(address(log));
        emit IAccessControl.RoleGranted(REGISTRAR_ROLE, STRANGER, ADMIN);
        vm.prank(ADMIN);
        log.grantRole(REGISTRAR_ROLE, STRANGER);
        vm.assertTrue(log.hasRole(REGISTRAR_ROLE, STRANGER));
        vm.expectEmit(address(log));
        emit DiaryLog.BatchAppended(0, ROOT, 0, 3, STRANGER);
        vm.prank(STRANGER);
        log.append(ROOT, 0, 3);
    }

    function test_grantRole_announcesAModerator() public {
        vm.expectEmit(address(log));
        emit IAccessControl.RoleGranted(MODERATOR_ROLE, STRANGER, ADMIN);
        vm.prank(ADMIN);
        log.grantRole(MODERATOR_ROLE, STRANGER);
        vm.assertTrue(log.hasRole(MODERATOR_ROLE, STRANGER));
    }

    /// @dev Who reads the events sees each change once.
    function test_grantRole_announcesNothingTheSecondTime() public {
        vm.recordLogs();
        vm.prank(ADMIN);
        log.grantRole(MODERATOR_ROLE, MODERATOR);
        vm.assertEq(vm.getRecordedLogs().length, 0);
    }

    function test_grantRole_refusesTheRegistrarAndTheModerator() public {
        _checkGrantRefused(REGISTRAR);
        _checkGrantRefused(MODERATOR);
    }

    function test_revokeRole_stopsARegistrar() public {
        _append(ROOT, 3);
        vm.expectEmit(address(log));
        emit IAccessControl.RoleRevoked(REGISTRAR_ROLE, REGISTRAR, ADMIN);
        vm.prank(ADMIN);
        log.revokeRole(REGISTRAR_ROLE, REGISTRAR);
        vm.assertFalse(log.hasRole(REGISTRAR_ROLE, REGISTRAR));
        _checkRefused(REGISTRAR, ROOT, 3, 3, Refusal.unauthorized(REGISTRAR, REGISTRAR_ROLE));
    }

    function test_revokeRole_leavesWhatWasAppended() public {
        _append(ROOT, 3);
        bytes32 before = _state();
        vm.prank(ADMIN);
        log.revokeRole(REGISTRAR_ROLE, REGISTRAR);
        vm.assertEq(_state(), before);
    }

    function test_revokeRole_announcesTheModerator() public {
        vm.expectEmit(address(log));
        emit IAccessControl.RoleRevoked(MODERATOR_ROLE, MODERATOR, ADMIN);
        vm.prank(ADMIN);
        log.revokeRole(MODERATOR_ROLE, MODERATOR);
        vm.assertFalse(log.hasRole(MODERATOR_ROLE, MODERATOR));
    }

    function test_revokeRole_canBeGrantedAgain() public {
        vm.prank(ADMIN);
        log.revokeRole(REGISTRAR_ROLE, REGISTRAR);
        vm.prank(ADMIN);
        log.grantRole(REGISTRAR_ROLE, REGISTRAR);
        _append(ROOT, 3);
        vm.assertEq(log.batchCount(), 1);
    }

    function test_renounceRole_stopsARegistrar() public {
        vm.expectEmit(address(log));
        emit IAccessControl.RoleRevoked(REGISTRAR_ROLE, REGISTRAR, REGISTRAR);
        vm.prank(REGISTRAR);
        log.renounceRole(REGISTRAR_ROLE, REGISTRAR);
        _checkRefused(REGISTRAR, ROOT, 0, 3, Refusal.unauthorized(REGISTRAR, REGISTRAR_ROLE));
    }

    function test_renounceRole_refusesToActForAnother() public {
        vm.prank(ADMIN);
        vm.expectRevert(abi.encodeWithSelector(IAccessControl.AccessControlBadConfirmation.selector));
        log.renounceRole(REGISTRAR_ROLE, REGISTRAR);
    }

    function testFuzz_grantRole_refusesEveryoneElse(address caller, bytes32 role, address account) public {
        vm.assume(caller != ADMIN);
        vm.prank(caller);
        vm.expectRevert(Refusal.unauthorized(caller, ADMIN_ROLE));
        log.grantRole(role, account);
    }

    function testFuzz_revokeRole_refusesEveryoneElse(address caller, bytes32 role, address account) public {
        vm.assume(caller != ADMIN);
        vm.prank(caller);
        vm.expectRevert(Refusal.unauthorized(caller, ADMIN_ROLE));
        log.revokeRole(role, account);
    }

    function _checkGrantRefused(address caller) private {
        vm.prank(caller);
        vm.expectRevert(Refusal.unauthorized(caller, ADMIN_ROLE));
        log.grantRole(REGISTRAR_ROLE, STRANGER);
        vm.assertFalse(log.hasRole(REGISTRAR_ROLE, STRANGER));
    }
}
