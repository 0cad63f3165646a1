// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DiaryStorage} from "../DiaryStorage.sol";
import {Vm, vm} from "./Vm.sol";

/// @dev What the groups below share.
abstract contract DiaryStorageTest {
    address internal constant ALICE = address(0xA11CE);
    address internal constant BOB = address(0xB0B);
    bytes32 internal constant FIRST = keccak256("the first entry");
    bytes32 internal constant SECOND = keccak256("the second entry");

    DiaryStorage internal diary;

    function setUp() public {
        diary = new DiaryStorage();
    }

    function _store(address author, uint256 blockNumber, bytes32 commitment) internal {
        vm.roll(blockNumber);
        vm.prank(author);
        diary.store(commitment);
    }

    function _expectDuplicate(bytes32 commitment, uint64 blockNumber) internal {
        bytes4 duplicate = DiaryStorage.DuplicateEntry.selector;
        vm.expectRevert(abi.encodeWithSelector(duplicate, commitment, blockNumber));
    }

    function _expectUnknown(bytes32 commitment) internal {
        vm.expectRevert(abi.encodeWithSelector(DiaryStorage.UnknownEntry.selector, commitment));
    }

    function _checkEntry(bytes32 commitment, address author, uint64 blockNumber) internal view {
        vm.assertEq(diary.authorOf(commitment), author);
        vm.assertEq(diary.blockOf(commitment), blockNumber);
    }
}

/// @notice store(bytes32)
contract DiaryStorageStoreTest is DiaryStorageTest {
    function test_store_keepsTheAuthorAndTheBlock() public {
        _store(ALICE, 7, FIRST);
        _checkEntry(FIRST, ALICE, 7);
    }

    /// @dev One event and no more: its name, both topics, no data.
    function test_store_emitsEntryStored() public {
        vm.recordLogs();
        _store(ALICE, 7, FIRST);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 1);
        vm.assertEq(logs[0].emitter, address(diary));
        vm.assertEq(logs[0].topics.length, 3);
        vm.assertEq(logs[0].topics[0], keccak256("EntryStored(bytes32,address)"));
        vm.assertEq(logs[0].topics[1], FIRST);
        vm.assertEq(logs[0].topics[2], bytes32(uint256(uint160(ALICE))));
        vm.assertEq(logs[0].data, "");
    }

    function test_store_countsTheEntries() public {
        vm.assertEq(diary.entryCount(), 0);
        _store(ALICE, 7, FIRST);
        vm.assertEq(diary.entryCount(), 1);
        _store(ALICE, 7, SECOND);
        vm.assertEq(diary.entryCount(), 2);
    }

    function test_store_refusesADuplicate() public {
        _store(ALICE, 7, FIRST);
        vm.roll(8);
        vm.prank(ALICE);
        _expectDuplicate(FIRST, 7);
        diary.store(FIRST);
    }

    function test_store_refusesADuplicateInTheSameBlock() public {
        _store(ALICE, 7, FIRST);
        vm.prank(ALICE);
        _expectDuplicate(FIRST, 7);
        diary.store(FIRST);
    }

    function test_store_refusesADuplicateFromAnotherAuthor() public {
        _store(ALICE, 7, FIRST);
        vm.roll(8);
        vm.prank(BOB);
        _expectDuplicate(FIRST, 7);
        diary.store(FIRST);
    }

    function test_store_aRefusalChangesNothing() public {
        _store(ALICE, 7, FIRST);
        vm.roll(8);
        vm.prank(BOB);
        _expectDuplicate(FIRST, 7);
        diary.store(FIRST);
        _checkEntry(FIRST, ALICE, 7);
        vm.assertEq(diary.entryCount(), 1);
    }

    function test_store_letsOneAuthorStoreSeveralEntries() public {
        _store(ALICE, 7, FIRST);
        _store(ALICE, 9, SECOND);
        _checkEntry(FIRST, ALICE, 7);
        _checkEntry(SECOND, ALICE, 9);
    }

    /// @dev Zero is 32 bytes like any others: the contract takes it, once.
    function test_store_takesTheZeroCommitment() public {
        _store(ALICE, 7, bytes32(0));
        _checkEntry(bytes32(0), ALICE, 7);
        vm.assertEq(diary.entryCount(), 1);
        vm.prank(BOB);
        _expectDuplicate(bytes32(0), 7);
        diary.store(bytes32(0));
    }

    /// @dev In the genesis block, too, the entry is known: it's the author who marks it as stored.
    function test_store_worksInBlockZero() public {
        _store(ALICE, 0, FIRST);
        _checkEntry(FIRST, ALICE, 0);
        vm.roll(1);
        vm.prank(BOB);
        _expectDuplicate(FIRST, 0);
        diary.store(FIRST);
    }

    function test_store_keepsAnEntryInOneSlot() public {
        _store(ALICE, type(uint64).max, FIRST);
        bytes32 slot = keccak256(abi.encode(FIRST, uint256(0)));
        uint256 packed = uint256(type(uint64).max) << 160 | uint160(ALICE);
        vm.assertEq(vm.load(address(diary), slot), bytes32(packed));
        vm.assertEq(vm.load(address(diary), bytes32(uint256(slot) + 1)), 0);
    }

    /// @dev Nobody holds the key of the zero address. Only a test node lets someone pose as it, and what is
    /// stored then is counted and announced, but remains unknown.
    function test_store_leavesNoEntryOfTheZeroAddress() public {
        _store(address(0), 7, FIRST);
        vm.assertEq(diary.entryCount(), 1);
        _expectUnknown(FIRST);
        diary.authorOf(FIRST);
    }

    function testFuzz_store_keepsAnyTwoEntriesApart(
        bytes32 first,
        bytes32 second,
        address author,
        address otherAuthor,
        uint64 blockNumber,
        uint64 otherBlockNumber
    ) public {
        vm.assume(first != second);
        vm.assume(author != address(0) && otherAuthor != address(0));
        vm.expectEmit(address(diary));
        emit DiaryStorage.EntryStored(first, author);
        _store(author, blockNumber, first);
        vm.expectEmit(address(diary));
        emit DiaryStorage.EntryStored(second, otherAuthor);
        _store(otherAuthor, otherBlockNumber, second);
        _checkEntry(first, author, blockNumber);
        _checkEntry(second, otherAuthor, otherBlockNumber);
        vm.assertEq(diary.entryCount(), 2);
    }

    function testFuzz_store_refusesAnyDuplicate(
        bytes32 commitment,
        address author,
        address otherAuthor,
        uint64 blockNumber,
        uint64 otherBlockNumber
    ) public {
        vm.assume(author != address(0));
        _store(author, blockNumber, commitment);
        vm.roll(otherBlockNumber);
        vm.prank(otherAuthor);
        _expectDuplicate(commitment, blockNumber);
        diary.store(commitment);
        _checkEntry(commitment, author, blockNumber);
        vm.assertEq(diary.entryCount(), 1);
    }
}

/// @notice blockOf(bytes32)
contract DiaryStorageBlockOfTest is DiaryStorageTest {
    function test_blockOf_staysTheBlockOfTheEntry() public {
        _store(ALICE, 7, FIRST);
        vm.roll(1000);
        vm.assertEq(diary.blockOf(FIRST), 7);
    }

    function test_blockOf_holdsTheLargestNumber() public {
        _store(ALICE, type(uint64).max, FIRST);
        vm.assertEq(diary.blockOf(FIRST), type(uint64).max);
    }

    function test_blockOf_refusesAnUnknownEntry() public {
        _expectUnknown(FIRST);
        diary.blockOf(FIRST);
    }

    function test_blockOf_refusesTheZeroCommitmentUntilStored() public {
        _expectUnknown(bytes32(0));
        diary.blockOf(bytes32(0));
    }

    function testFuzz_blockOf_refusesAnyOtherEntry(bytes32 stored, bytes32 unknown) public {
        vm.assume(stored != unknown);
        _store(ALICE, 7, stored);
        _expectUnknown(unknown);
        diary.blockOf(unknown);
    }
}

/// @notice authorOf(bytes32)
contract DiaryStorageAuthorOfTest is DiaryStorageTest {
    function test_authorOf_isTheSenderOfEachEntry() public {
        _store(ALICE, 7, FIRST);
        _store(BOB, 7, SECOND);
        vm.assertEq(diary.authorOf(FIRST), ALICE);
        vm.assertEq(diary.authorOf(SECOND), BOB);
    }

    function test_authorOf_refusesAnUnknownEntry() public {
        _expectUnknown(FIRST);
        diary.authorOf(FIRST);
    }

    function test_authorOf_refusesTheZeroCommitmentUntilStored() public {
        _expectUnknown(bytes32(0));
        diary.authorOf(bytes32(0));
    }

    function testFuzz_authorOf_refusesAnyOtherEntry(bytes32 stored, bytes32 unknown) public {
        vm.assume(stored != unknown);
        _store(ALICE, 7, stored);
        _expectUnknown(unknown);
        diary.authorOf(unknown);
    }
}
