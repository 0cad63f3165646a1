// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

/// @title The log of a civic diary: one transaction a batch of records.
/// @notice Holds the Merkle root of each batch. A root never changes and never goes.
/// @dev Records are numbered over the whole log, from 0, without a gap. Who may review is read from
/// the role events of AccessControl: MODERATOR_ROLE has no function here.
contract DiaryLog is AccessControl {
    /// @notice Holders append batches.
    bytes32 public constant REGISTRAR_ROLE = keccak256("REGISTRAR_ROLE");

    /// @notice Holders review entries.
    bytes32 public constant MODERATOR_ROLE = keccak256("MODERATOR_ROLE");

    /// @notice The largest number of records in a batch.
    uint32 public constant MAX_BATCH_SIZE = 1024;

    /// @dev Two storage slots: the root; then 64 bits for the number after the batch's last record,
    /// 192 bits unused.
    struct Batch {
        bytes32 root;
        uint64 nextSeq;
    }

    Batch[] private _batches;

    /// @notice A batch of records was appended.
    /// @param batch The number of the batch, from 0.
    /// @param root The Merkle root of the batch's leaves.
    /// @param firstSeq The number of the batch's first record.
    /// @param count How many records the batch holds.
    /// @param registrar Who appended it.
    event BatchAppended(
        uint256 indexed batch, bytes32 indexed root, uint64 firstSeq, uint32 count, address registrar
    );

    /// @notice The batch doesn't begin with the next number of the log.
    error SequenceMismatch(uint64 expected, uint64 got);

    /// @notice A batch holds 1 to MAX_BATCH_SIZE records.
    error InvalidBatchSize(uint32 count, uint32 max);

    /// @notice The root of a batch can't be zero.
    error EmptyRoot();

    /// @notice There is no such batch.
    error UnknownBatch(uint256 batch, uint256 batchCount);

    /// @notice There is no such record.
    error UnknownRecord(uint64 seq, uint64 recordCount);

    /// @param admin Who may grant and revoke the roles.
    /// @param registrar The first holder of REGISTRAR_ROLE.
    constructor(address admin, address registrar) {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(REGISTRAR_ROLE, registrar);
    }

    /// @notice Appends a batch. The same batch can never land twice: its first number is taken then.
    /// @param root The Merkle root of the batch's leaves.
    /// @param firstSeq The number of the batch's first record: `recordCount()`.
    /// @param count How many records the batch holds.
    function append(bytes32 root, uint64 firstSeq, uint32 count) external onlyRole(REGISTRAR_ROLE) {
        uint64 expected = recordCount();
        if (firstSeq != expected) revert SequenceMismatch(expected, firstSeq);
        if (count == 0 || count > MAX_BATCH_SIZE) revert InvalidBatchSize(count, MAX_BATCH_SIZE);
        if (root == bytes32(0)) revert EmptyRoot();
        uint256 batch = _batches.length;
        _batches.push(Batch({root: root, nextSeq: firstSeq + count}));
        emit BatchAppended(batch, root, firstSeq, count, msg.sender);
    }

    /// @notice How many batches the log holds.
    function batchCount() external view returns (uint256) {
        return _batches.length;
    }

    /// @notice How many records the log holds; also the number of the next record.
    function recordCount() public view returns (uint64) {
        uint256 length = _batches.length;
        return length == 0 ? 0 : _batches[length - 1].nextSeq;
    }

    /// @notice The batch that holds a record.
    /// @dev The first batch whose `nextSeq` is above `seq`, by bisection.
    /// @param seq The number of the record.
    /// @return The number of the batch.
    function batchOf(uint64 seq) external view returns (uint256) {
        if (seq >= recordCount()) revert UnknownRecord(seq, recordCount());
        uint256 low = 0;
        uint256 high = _batches.length - 1;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (_batches[middle].nextSeq > seq) high = middle;
            else low = middle + 1;
        }
        return low;
    }

    /// @notice The Merkle root of a batch.
    /// @param batch The number of the batch.
    function rootOf(uint256 batch) public view returns (bytes32) {
        if (batch >= _batches.length) revert UnknownBatch(batch, _batches.length);
        return _batches[batch].root;
    }

    /// @notice Whether a leaf is in a batch.
    /// @param batch The number of the batch.
    /// @param leaf The hash of the leaf.
    /// @param proof The inclusion proof: sibling hashes from the leaf to the root.
    /// @return True if the proof leads from the leaf to the batch's root.
    function includes(uint256 batch, bytes32 leaf, bytes32[] calldata proof) external view returns (bool) {
        return MerkleProof.verifyCalldata(proof, rootOf(batch), leaf);
    }
}
