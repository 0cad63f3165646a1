// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The lesson's storage contract: one diary entry a transaction.
/// @notice Keeps the commitment of an entry, never its text. Whoever sends the transaction is the author.
/// @dev A commitment is keccak256(salt ‖ canonical bytes of the record). The contract can't check that:
/// it sees 32 bytes, and what they stand for is shown later, to whom the author chooses.
contract DiaryStorage {
    /// @dev One storage slot: 160 bits of address, 64 bits of block number, 32 bits unused.
    struct Entry {
        address author;
        uint64 blockNumber;
    }

    mapping(bytes32 commitment => Entry) private _entries;

    /// @notice How many entries have been stored.
    uint256 public entryCount;

    /// @notice An entry was stored.
    /// @param commitment The commitment of the entry.
    /// @param author Who sent the transaction.
    event EntryStored(bytes32 indexed commitment, address indexed author);

    /// @notice The same commitment stands already.
    error DuplicateEntry(bytes32 commitment, uint64 blockNumber);

    /// @notice No entry with this commitment was ever stored.
    error UnknownEntry(bytes32 commitment);

    /// @notice Stores the commitment of one entry, for good.
    /// @param commitment The commitment of the entry.
    function store(bytes32 commitment) external {
        Entry storage entry = _entries[commitment];
        if (entry.author != address(0)) revert DuplicateEntry(commitment, entry.blockNumber);
        entry.author = msg.sender;
        entry.blockNumber = uint64(block.number);
        entryCount += 1;
        emit EntryStored(commitment, msg.sender);
    }

    /// @notice The block that an entry was stored in.
    /// @param commitment The commitment of the entry.
    /// @return The block number.
    function blockOf(bytes32 commitment) external view returns (uint64) {
        return _stored(commitment).blockNumber;
    }

    /// @notice Who stored an entry.
    /// @param commitment The commitment of the entry.
    /// @return The author's address.
    function authorOf(bytes32 commitment) external view returns (address) {
        return _stored(commitment).author;
    }

    function _stored(bytes32 commitment) private view returns (Entry storage entry) {
        entry = _entries[commitment];
        if (entry.author == address(0)) revert UnknownEntry(commitment);
    }
}
